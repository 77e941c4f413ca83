"""The course of a training as its monitor wrote it: one line per episode."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reward_synth.audit.record import Audit
from reward_synth.audit.rules import AUDIT
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.number_format import number, percent
from reward_synth.core.types import Finding, PayRow, Verdict
from reward_synth.state.expressions import SUCCESS_KEYS

SHARE = 0.1
"""The first and the last part of the episodes that are compared."""
FEWEST = 20
"""Episodes without which nothing is compared."""
FEWER = 0.1
"""By how much the share of successes must fall."""


@dataclass(frozen=True)
class Line:
    """One episode of a training."""

    total: float
    steps: int
    success: bool | None = None
    discounted: float | None = None


def read_monitor(path: Path) -> tuple[list[Line], str]:
    """The episodes of stable-baselines3's ``monitor.csv``, and the id of the environment that it names.

    An id with a module in it is left out: a file from somebody else must not have one imported.

    :raises RewardSynthError: it is no such file.
    """
    try:
        head, _, rest = path.read_text(encoding="utf-8").partition("\n")
        told = json.loads(head.removeprefix("#"))
        rows = list(csv.DictReader(io.StringIO(rest)))
        key = next((key for key in SUCCESS_KEYS if rows and key in rows[0]), "")
        lines = [Line(float(row["r"]), int(float(row["l"])), _truth(row[key]) if key else None) for row in rows]
        env_id = str(told.get("env_id") or "")
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RewardSynthError(
            f"{path} is no monitor file: {error}", "give the monitor.csv that stable-baselines3's Monitor wrote"
        ) from error
    return lines, "" if ":" in env_id else env_id


def _truth(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "1.0")


def rows_of(lines: Sequence[Line]) -> tuple[PayRow, ...]:
    """The training's first and last episodes, each part's median."""
    return tuple(_row(name, part) for name, part in _parts(lines))


def _parts(lines: Sequence[Line]) -> list[tuple[str, Sequence[Line]]]:
    if len(lines) < FEWEST:
        return [("all of the training", lines)] if lines else []
    count = math.ceil(SHARE * len(lines))
    return [("the training's first tenth", lines[:count]), ("the training's last tenth", lines[-count:])]


def _row(name: str, part: Sequence[Line]) -> PayRow:
    steps = float(np.median([each.steps for each in part]))
    total = float(np.median([each.total for each in part]))
    discounted = [each.discounted for each in part if each.discounted is not None]
    shown = [each.success for each in part if each.success is not None]
    return PayRow(
        behaviour=f"{name}, median of {len(part)}",
        pay=total / max(1.0, steps),
        terms={},
        total=total,
        mean=total / max(1.0, steps),
        discounted=float(np.median(discounted)) if discounted else None,
        steps=round(steps),
        success=bool(np.mean(shown) >= 0.5) if shown else None,
    )


def with_course(audit: Audit, lines: Sequence[Line]) -> Audit:
    """The audit with the training's episodes, and what they say."""
    found, verdicts = answers(lines)
    return audit.model_copy(
        update={
            "rows": (*audit.rows, *rows_of(lines)),
            "findings": (*found, *audit.findings),
            "verdicts": audit.verdicts | verdicts,
        }
    )


def answers(lines: Sequence[Line]) -> tuple[list[Finding], dict[str, Verdict]]:
    """What the course of the training says, and the verdict of the rules that are asked of it."""
    rule = AUDIT["sinks-in-training"]
    found = [*_no_number(lines)]
    if len(lines) < FEWEST or found:
        return found, {rule.id: "could not run" if found else "not enough data", **{each.id: "found" for each in found}}
    found += _sinks(lines)
    return found, {rule.id: "found" if found else "not found"}


def _no_number(lines: Sequence[Line]) -> Iterator[Finding]:
    for place, each in enumerate(lines):
        if not math.isfinite(each.total):
            yield AUDIT["no-number"].finding(f"the reward's sum is {each.total} in episode {place + 1} of the training")
            return


def _sinks(lines: Sequence[Line]) -> Iterator[Finding]:
    (_, first), (_, last) = _parts(lines)
    before, after = (float(np.mean([each.total for each in part])) for part in (first, last))
    if after <= before:
        return
    rises = f"from the first to the last tenth of {len(lines)} episodes, the sum rises from {number(before)} to "
    rises += number(after)
    known = [[bool(each.success) for each in part if each.success is not None] for part in (first, last)]
    if all(known):
        shares = [float(np.mean(part)) for part in known]
        if shares[1] < shares[0] - FEWER:
            yield AUDIT["sinks-in-training"].finding(
                f"{rises}, and the share of successes falls from {percent(shares[0])} to {percent(shares[1])}"
            )
        return
    steps = [float(np.mean([each.steps for each in part])) for part in (first, last)]
    if 2.0 * steps[1] <= steps[0]:
        yield AUDIT["sinks-in-training"].finding(
            f"{rises}, and an episode becomes shorter, from {steps[0]:.0f} to {steps[1]:.0f} steps; nothing says "
            "whether it ends in success"
        )
