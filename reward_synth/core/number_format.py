"""Numbers as people write them: in prompts and reports with a dash for what is not known, in tables with nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

_FORMS = ((1e6, ".1e"), (100, ",.0f"), (10, ".1f"), (1, ".2f"), (0.01, ".3f"), (1e-4, ".1g"), (0, ".1e"))
"""How a number is written by its size, from that on."""


def number(value: float | None) -> str:
    """About three digits, with an exponent only where needed; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    form = next(form for least, form in _FORMS if abs(value) >= least)
    return f"{value:{form}}" if value else "0"


def percent(share: float | None) -> str:
    """``0.123`` as ``12 %``; shares below half a percent that are not zero as ``<1 %``."""
    if share is None or not math.isfinite(share):
        return "–"
    if 0 < share < 0.005:
        return "<1 %"
    return f"{100 * share:.0f} %"


def steps(count: float) -> str:
    """``51200`` as ``51k``."""
    if count >= 1e6:
        return f"{count / 1e6:.2f}M"
    return f"{count / 1e3:.0f}k" if count >= 1e4 else f"{count:.0f}"


def with_unit(value: float | None, unit: str) -> str:
    """A number and its unit; a dimensionless ``1`` and a switch's ``0/1`` are not told."""
    return number(value) if unit in ("", "1", "0/1") else f"{number(value)} {unit}"


def plural(count: int, noun: str) -> str:
    """``1 episode``, ``8 episodes``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short_number(value: float | None) -> str:
    """Three digits, or nothing: for a column of a terminal."""
    return "" if value is None else f"{value:.3g}"


def short_percent(share: float | None) -> str:
    """``55%``, or nothing: for a column of a terminal."""
    return "" if share is None else f"{share:.0%}"


def duration(seconds: float | None, unknown: str = "?") -> str:
    """``41 s``, ``3 min 05 s``, ``1 h 10 min``."""
    if seconds is None:
        return unknown
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def dollars(usd: float | None) -> str:
    """``$0.38``, ``free`` for nothing, or that the price is unknown."""
    if usd is None:
        return "price unknown"
    return "free" if usd == 0 else f"${usd:.2f}" if usd >= 0.01 else f"${usd:.4f}"


def dollars_in_table(usd: float | None) -> str:
    """``$0.0123``, ``$1,234.50`` or ``unknown``: under a heading that says what it is."""
    if usd is None:
        return "unknown"
    return f"${usd:.4f}" if 0 < usd < 1 else f"${usd:,.2f}"


Amount = TypeVar("Amount", int, float)


def total(amounts: Iterable[Amount | None]) -> Amount | None:
    """The sum, None if one of them is unknown: what is not known is not nothing."""
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)
