"""A rule about the conditions of success, read beside what the reward reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import plural
from reward_synth.core.types import Verdict
from reward_synth.diagnosis.detector import Said, detector, episodes, trained_out, trajectories, unsolved
from reward_synth.diagnosis.evidence import Evidence
from reward_synth.evaluation.conditions import LENGTH, Condition

MOST = 0.5
"""A condition that holds in this share of the episodes is not what keeps the policy from success."""
EXPLAINED = 0.9
"""Share of a number's variance. A field of which others explain so much is as good as read."""
ROWS = 2000
"""Steps that are looked at, evenly spread over all episodes."""
ROWS_PER_FEATURE = 4


def _conditions(evidence: Evidence) -> Verdict | None:
    """Require a success of several conditions, and the fields that the reward reads."""
    return None if evidence.conditions and evidence.reads else "not applicable"


@detector(unsolved, trained_out, episodes(4), trajectories, _conditions)
def unread_condition(evidence: Evidence) -> Said:
    """Does success fail by what no term of the reward reads?

    One condition fails in most episodes while all others hold in most of them, and no field that the reward reads tells
    anything of it: read one of that condition's fields.
    """
    count = len(evidence.scores)
    failing = [each for each in evidence.conditions if each.fulfilled < MOST * count]
    if len(failing) != 1 or _read(evidence, *failing):
        return
    (condition,) = failing
    named = ", ".join(f"`{name}`" for name in condition.reads)
    yield (
        f"{condition.fulfilled} of {plural(count, 'episode')} fulfil the condition of success that reads {named}, and "
        "most fulfil each other one; no term of the reward reads that, or anything that tells it.",
        f"Add a term that pays, from the start state on, for each small change of {named} towards what success needs.",
    )


def _read(evidence: Evidence, condition: Condition) -> bool:
    """Whether the reward reads a field of the condition, or fields that tell one of them."""
    if {LENGTH, *evidence.reads} & {*condition.reads}:
        return True
    read, wanted = (_columns(evidence, names) for names in (evidence.reads, condition.reads))
    # Who reads a speed reads how the position changes.
    changes = _columns(evidence, condition.reads, change=True)
    return any(bool(each.size) and _explained(read, each) for each in (wanted, changes))


def _columns(evidence: Evidence, names: Sequence[str], change: bool = False) -> FloatArray:
    """The numbers of these fields that vary, or their changes from step to step; standardised, (rows, columns)."""
    stored = {name for name, _ in evidence.played[0].episode.layout}
    known = [name for name in names if name in stored]
    values = [one.episode.subset(known) for one in evidence.played]
    rows = np.concatenate([np.gradient(each, axis=0) for each in values] if change else values)
    rows = rows[:: -(-len(rows) // ROWS)]
    spread = rows.std(axis=0)
    varies = spread > 1e-9 * (1.0 + np.abs(rows).max(axis=0))
    standard: FloatArray = (rows[:, varies] - rows[:, varies].mean(axis=0)) / spread[varies]
    return standard


def _explained(read: FloatArray, wanted: FloatArray) -> bool:
    """Whether a polynomial of second degree in what is read gives one of the wanted numbers, or its square.

    A squared distance is such a polynomial of two positions.
    """
    count, width = read.shape
    features = np.column_stack([np.ones(count), read])
    if ROWS_PER_FEATURE * (1 + width + width * (width + 1) // 2) <= count:
        first, second = np.triu_indices(width)
        features = np.column_stack([features, read[:, first] * read[:, second]])
    targets = np.column_stack([wanted, wanted**2])
    targets = targets[:, targets.var(axis=0) > 1e-9]
    fitted = features @ np.linalg.lstsq(features, targets)[0]
    left = (targets - fitted).var(axis=0) / targets.var(axis=0)
    return bool((1.0 - left >= EXPLAINED).any())
