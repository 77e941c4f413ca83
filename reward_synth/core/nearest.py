"""What was meant by a misspelt name. The locked reward process imports this module: standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def nearest(name: str, known: Iterable[str] | Mapping[str, str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that are most alike, the best first, each once; empty if none is alike enough.

    :param known: the names, or what people may write for them → the name.
    :param count: how many at most.
    :param cutoff: how alike they must be: from 0, anything, to 1, the same.
    """
    meant = known if isinstance(known, Mapping) else {each: each for each in known}
    return list(dict.fromkeys(meant[form] for form in difflib.get_close_matches(name, meant, count, cutoff)))


def did_you_mean(names: Iterable[str], otherwise: str = "", quote: str = "") -> str:
    """``did you mean a or b?``, or the other text if there are no names.

    :param quote: what stands before and after each name.
    """
    shown = " or ".join(f"{quote}{name}{quote}" for name in names)
    return f"did you mean {shown}?" if shown else otherwise
