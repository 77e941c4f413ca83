"""Holds the terms of a reward against the ranges that its docstring states, as far as it states any.

A line ``speed: -4 to 12`` says what `speed` may be in one step; ``inf`` and ``-inf`` leave an end open, and ``total``
is the sum of all terms. A range that begins or ends at 0 says the sign.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import number, percent
from reward_synth.core.syntax import parse
from reward_synth.core.types import Finding
from reward_synth.reward.rules import declared

STATED = declared("screen", "stated")
(OUTSIDE,) = STATED.values()
TOTAL = "total"
SLACK = 0.1
"""Share of the range by which an end other than 0 may be passed: whoever states a range has rounded it."""
_NUMBER = r"[-+]?(?:inf|\d*\.?\d+(?:e[-+]?\d+)?)"
_LINE = re.compile(rf"^\W*(\w+)\W*:\s*({_NUMBER})\s+to\s+({_NUMBER})", re.MULTILINE)


def stated_ranges(source: str) -> dict[str, tuple[float, float]]:
    """The lowest and the highest value of each term that the docstring of ``compute_reward`` states, by name.

    :param source: a reward that the lint accepts.
    """
    functions = (node for node in parse(source).body if isinstance(node, ast.FunctionDef))
    text = next((ast.get_docstring(node) for node in functions if node.name == "compute_reward"), None)
    found = ((name, float(low), float(high)) for name, low, high in _LINE.findall(text or ""))
    return {name: (low, high) for name, low, high in found if low < high}


def outside_stated(source: str, terms: Sequence[str], paid: Sequence[FloatArray]) -> tuple[Finding, ...] | None:
    """A finding for each term that left its range in recorded steps; None if no range is stated.

    :param paid: the terms at each step of episodes, (steps, terms) each.
    """
    steps = np.concatenate(paid)
    values = dict(zip(terms, steps.T, strict=True))
    values.setdefault(TOTAL, steps.sum(axis=1))
    ranges = {name: each for name, each in stated_ranges(source).items() if name in values}
    return tuple(_outside(values, ranges)) if ranges else None


def _outside(values: dict[str, FloatArray], ranges: dict[str, tuple[float, float]]) -> Iterator[Finding]:
    for name, (low, high) in ranges.items():
        slack = SLACK * (high - low) if np.isfinite(high - low) else 0.0
        seen = values[name]
        # An end at 0 is a sign, and a sign is not rounded; only what arithmetic leaves of 0 is.
        least, most = (bound + (sign * slack if bound else sign * 1e-9) for bound, sign in ((low, -1.0), (high, 1.0)))
        beyond = float(np.mean((seen < least) | (seen > most)))
        if beyond:
            yield OUTSIDE.finding(
                f"`{name}` is {number(seen.min())} to {number(seen.max())} in {len(seen):,} recorded steps, "
                f"{percent(beyond)} of them outside {low:g} to {high:g}, which the docstring states"
            )
