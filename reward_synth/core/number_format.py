"""Numbers as people write them."""

from __future__ import annotations

import math


def number(value: float | None) -> str:
    """About three digits, with an exponent only where needed; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e6 or size < 1e-4:
        return f"{value:.1e}"
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    if size >= 0.01:
        return f"{value:.3f}"
    return f"{value:.1g}"


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
