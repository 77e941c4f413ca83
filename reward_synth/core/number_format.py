"""Numbers as text. An unknown number is a dash in prompts and reports, and empty in tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

_FORMS = ((1e6, ".1e"), (100, ",.0f"), (10, ".1f"), (1, ".2f"), (0.01, ".3f"), (1e-4, ".1g"), (0, ".1e"))
"""Pairs of a least size and a number's format from that size on."""


def number(value: float | None) -> str:
    """About three digits, with an exponent only where needed; a dash for an unknown number."""
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
    """A number and its unit; the units ``1`` (dimensionless) and ``0/1`` (a switch) are left out."""
    return number(value) if unit in ("", "1", "0/1") else f"{number(value)} {unit}"


def plural(count: int, noun: str) -> str:
    """``1 episode``, ``8 episodes``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short_number(value: float | None) -> str:
    """Three digits, or an empty text; for a column in a terminal."""
    return "" if value is None else f"{value:.3g}"


def short_percent(share: float | None) -> str:
    """``55%``, or an empty text; for a column in a terminal."""
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
    """``$0.38``, ``free`` for 0, or ``price unknown``."""
    if usd is None:
        return "price unknown"
    return "free" if usd == 0 else f"${usd:.2f}" if usd >= 0.01 else f"${usd:.4f}"


def dollars_in_table(usd: float | None) -> str:
    """``$0.0123``, ``$1,234.50`` or ``unknown``; for a column whose heading says that it is a price."""
    if usd is None:
        return "unknown"
    return f"${usd:.4f}" if 0 < usd < 1 else f"${usd:,.2f}"


Amount = TypeVar("Amount", int, float)


def total(amounts: Iterable[Amount | None]) -> Amount | None:
    """The sum, or None if one amount is unknown: an unknown amount must not count as 0."""
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)
