"""A rule about the conditions of success, read beside what the reward reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import plural
from reward_synth.core.types import Verdict
from reward_synth.diagnosis.detector import Said, detector, episodes, trained_out, trajectories, unsolved
from reward_synth.diagnosis.evidence import Evidence
from reward_synth.evaluation.conditions import LENGTH, Condition
from reward_synth.evaluation.prediction import linear, unexplained

MOST = 0.5
"""A condition that holds in this share of the episodes is not what keeps the policy from success."""
UNEXPLAINED = 0.1
"""Share of a number's variance. A field of which others leave no more open is as good as read."""
ROWS = 2000
"""Steps that are looked at, evenly spread over all episodes."""


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
    """Whether the reward reads a field of the condition, or fields that tell a number of one of them."""
    if {LENGTH, *evidence.reads} & {*condition.reads}:
        return True
    read, wanted = (_columns(evidence, names) for names in (evidence.reads, condition.reads))
    every = -(-sum(map(len, read)) // ROWS)
    seen = [each[::every] for each in read]
    # A squared distance is made of products of positions, and who reads a speed reads how a position changes.
    for change in (np.positive, np.square, partial(np.gradient, axis=0)):
        values = [change(each)[::every] for each in wanted]
        for number in range(values[0].shape[1]):
            # Episodes of one policy are so alike that nearest neighbours would tell the time, and with it all else.
            left = unexplained([each[:, [number]] for each in values], seen, (linear,))
            if left is not None and left.value <= UNEXPLAINED:
                return True
    return False


def _columns(evidence: Evidence, names: Sequence[str]) -> list[FloatArray]:
    """The numbers of these fields in each episode, (T+1, columns)."""
    stored = {name for name, _ in evidence.played[0].episode.layout}
    return [one.episode.subset([name for name in names if name in stored]) for one in evidence.played]
