"""What an audit says, as it is printed, written as JSON and shown on its page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from reward_synth.core.types import CheckReport, Finding, PayRow, Planned, Value, Verdict


class Audit(Value):
    """A reward that somebody has, with what it pays known behaviours and what is wrong with that."""

    subject: str
    """The reward: ``HalfCheetah-v5, its own reward``."""
    horizon: int
    """Steps of a whole episode."""
    discount: float
    maximises: str
    """What a learner makes as large as it can, which is not always what its curves show."""
    measure: str = ""
    """What says whether the goal is reached; empty if nothing does."""
    rows: tuple[PayRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    verdicts: dict[str, Verdict] = Field(default_factory=dict)
    """The answer of each rule, by id."""
    planned: Planned | None = None
    notes: tuple[str, ...] = ()
    """What limits the answers, and what is no finding but worth to know, in sentences."""

    @property
    def silent(self) -> dict[str, Verdict]:
        """The rules that could not answer, and why."""
        return {rule: said for rule, said in self.verdicts.items() if said not in ("found", "not found")}


def sound_only_if_clean(report: CheckReport, findings: Sequence[Finding]) -> Planned | None:
    """What the planner did; it is sound so far only if the audit has no finding either."""
    planned = report.planned
    return planned.model_copy(update={"sound": planned.sound and not findings}) if planned else None


def worth(discount: float) -> str:
    """What a learner with this discount maximises, in words."""
    if discount >= 1.0:
        return "the sum of the reward over the episode, without a discount"
    half = round(math.log(0.5) / math.log(discount))
    return (
        f"the discounted sum, with {discount:g} per step: a reward that comes {half} steps later counts half. Curves "
        "of a training mostly show the plain sum, and a mean per step hides how long an episode lasts"
    )


def scaled(scale: float, clip: float) -> str:
    """What a ``VecNormalize`` makes of the reward.

    :param scale: the deviation of the discounted sums.
    :param clip: its ``clip_reward``.
    """
    return (
        f"the reward divided by {scale:.3g}, the deviation of its discounted sums at the end, and clipped there: a "
        f"reward beyond {scale * clip:.3g} in one step counts no more than that"
    )
