"""Suggestions for a misspelt name. The locked reward process imports this module: standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def nearest(name: str, known: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that are most similar, the best first and each once; empty if none is similar enough.

    :param count: the largest number of names.
    :param cutoff: how similar they must be, from 0 (anything) to 1 (the same).
    """
    return difflib.get_close_matches(name, dict.fromkeys(known), count, cutoff)


def nearest_meaning(name: str, forms: Mapping[str, str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """Like :func:`nearest`, where a name may be written in several forms; ``forms`` maps each form to the name."""
    return list(dict.fromkeys(forms[form] for form in nearest(name, forms, count, cutoff)))


def did_you_mean(names: Iterable[str], otherwise: str = "", quote: str = "") -> str:
    """``did you mean a or b?``, or ``otherwise`` if there are no names.

    :param quote: text put before and after each name.
    """
    shown = " or ".join(f"{quote}{name}{quote}" for name in names)
    return f"did you mean {shown}?" if shown else otherwise
