"""How a step's reward terms become one number, and how a reward's file says which rule it was trained with.

An exported file contains the text of one of the two rules, so neither may use anything of this package.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import ScaleName
from reward_synth.core.types import SPARSE_PREFIX

Total = Callable[[Mapping[str, float]], float]


def total_by_sum(terms: Mapping[str, float]) -> float:
    """The reward of one step: the sum of its terms."""
    return float(sum(terms.values()))


def total_by_sign(terms: Mapping[str, float]) -> float:
    """The reward of one step: sign(sum of the terms named ``sparse...``) + 0.1 * sign(sum of the others)."""
    sparse = sum(value for name, value in terms.items() if name.startswith("sparse"))
    dense = sum(value for name, value in terms.items() if not name.startswith("sparse"))
    # Sums that are 0 but for rounding count as 0.
    goal, hint = (float(np.sign(0.0 if abs(part) < 1e-12 else part)) for part in (sparse, dense))
    return goal + 0.1 * hint


SPARSE_SIZE, DENSE_SIZE = 1.0, 0.1


def signs(sums: FloatArray) -> FloatArray:
    """-1, 0 or 1; sums that differ from 0 only by rounding count as 0."""
    return np.sign(np.where(np.abs(sums) < 1e-12, 0.0, sums))


def sparse_terms(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the terms measure the goal itself, with the scale ``sign``."""
    return np.array([name.startswith(SPARSE_PREFIX) for name in names], dtype=bool)


def totals(terms: FloatArray, names: Sequence[str], scale: ScaleName) -> FloatArray:
    """The reward of each step, (N,), from its terms (N, K): :data:`TOTALS` for many steps."""
    paid: FloatArray
    if scale == "sum":
        paid = terms.sum(axis=1)
        return paid
    sparse = sparse_terms(names)
    goal, hint = (signs(terms[:, chosen].sum(axis=1)) for chosen in (sparse, ~sparse))
    paid = SPARSE_SIZE * goal + DENSE_SIZE * hint
    return paid


TOTALS: Mapping[ScaleName, Total] = MappingProxyType({"sum": total_by_sum, "sign": total_by_sign})
"""The rules by name. Training uses the same rules: see :class:`~reward_synth.training.scale.SignScale`."""

_LINE = re.compile(r"# reward-synth: scale=(\S*)\s*")


def recorded_scale(source: str) -> ScaleName | None:
    """The rule that a reward's file names in the comment at its top; None if it names none.

    :raises RewardSynthError: it names an unknown rule. Using the sum instead would be a different reward.
    """
    for line in source.splitlines():
        if line.strip() and not line.startswith("#"):
            return None
        found = _LINE.fullmatch(line)
        if found:
            if found[1] not in TOTALS:
                known = " and ".join(get_args(ScaleName))
                raise RewardSynthError(
                    f"the reward's file says scale={found[1]}, and this version knows {known} only",
                    "correct the line, or install the version that wrote the file",
                )
            return cast(ScaleName, found[1])
    return None


def with_recorded_scale(source: str, scale: ScaleName) -> str:
    """The source, with a first line that names the rule unless the source names it already."""
    return source if (recorded_scale(source) or "sum") == scale else f"{scale_line(scale)}\n{source}"


def scale_line(scale: ScaleName) -> str:
    """The comment that :func:`recorded_scale` reads."""
    return f"# reward-synth: scale={scale}"


def file_header(candidate: str, run: str, goal: str, environment: str, scale: ScaleName) -> str:
    """The comment that a run's ``best_reward.py`` begins with: what the reward is, and the rule for its terms."""
    lines = [
        scale_line(scale),
        as_comment(f"Candidate {candidate} of the run {run}."),
        as_comment(f"Goal: {goal}"),
        as_comment(f"Environment: {environment}"),
        as_comment(TOTALS[scale].__doc__ or ""),
    ]
    return "\n".join(lines) + "\n\n"


def as_comment(text: str, indent: int = 0) -> str:
    """Untrusted text as lines of a comment, so that no part of it can be code. The first line is not empty.

    :param indent: spaces before each line.
    """
    # The lint refuses characters that no editor shows.
    shown = "".join(character if character.isprintable() else " " for character in text)
    first, further = " " * indent + "# ", " " * indent + "#   "
    return textwrap.fill(" ".join(shown.split()) or "-", 100, initial_indent=first, subsequent_indent=further)
