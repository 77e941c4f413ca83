"""Rewards that are one and the same to a learner: equal up to a positive factor, and up to a constant where it is lost.

Every learner here divides rewards by the spread of their discounted sums, so a factor teaches nothing else. PPO's
rewards lose their mean where no episode can end but by time (:mod:`reward_synth.training.loop.normalisation`), so a
constant is lost there. Elsewhere it pays for lasting or for ending soon. Potential shaping (Ng et al. 1999) is not
looked through: it is written to change how fast something is learnt (docs/guide/methods.md has the figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.names import ScaleName
from reward_synth.core.number_format import number
from reward_synth.core.types import CheckReport
from reward_synth.reward.scale import sparse_terms
from reward_synth.screening.terms import episode_terms
from reward_synth.state.episode import Episode

SAME = 1e-6
"""Of the largest pay: what rounding leaves is 1e-15, and a rule that held in one transition only would be far more."""


@dataclass(frozen=True)
class SamePay:
    """``one = factor * other + constant`` on some transitions."""

    factor: float
    constant: float
    transitions: int

    def as_text(self, other: str) -> str:
        """``pays the same as 001-a up to a factor of 3.20 on 4,650 stored transitions``."""
        apart = [f"a factor of {number(self.factor)}"] if abs(self.factor - 1.0) > SAME else []
        apart += [f"a constant of {number(self.constant)} in each step"] if self.constant else []
        up_to = f" up to {' and '.join(apart)}" if apart else ""
        return f"pays the same as {other}{up_to} on {self.transitions:,} stored transitions"


def paid(source: str, report: CheckReport, episodes: Sequence[Episode], scale: ScaleName) -> FloatArray:
    """What a reward pays at each step of all episodes, (G, N): its terms' sum. With the scale ``sign`` these are the
    sums behind the two signs, because equal signs tell little.

    :raises RewardError: the reward fails on a transition.
    """
    values = np.concatenate(episode_terms(source, report, episodes))
    sparse = sparse_terms(report.terms)
    groups = [sparse, ~sparse] if scale == "sign" else [np.ones_like(sparse)]
    return np.stack([values[:, group].sum(axis=1) for group in groups])


def same_pay(one: FloatArray, other: FloatArray, *, but_constant: bool) -> SamePay | None:
    """How two rewards (G, N) pay the same; None if they do not, or if one never varies, which tells nothing.

    :param but_constant: let them differ by a constant besides the factor.
    """
    shifts = (one.mean(), other.mean()) if but_constant else (0.0, 0.0)
    mine, theirs = one - shifts[0], other - shifts[1]
    if any(np.ptp(each) <= SAME * np.abs(each).max(initial=0.0) for each in (one, other)):
        return None
    factor = float(np.vdot(mine, theirs) / np.vdot(theirs, theirs))
    if factor <= 0.0 or np.abs(mine - factor * theirs).max() > SAME * np.abs(mine).max():
        return None
    constant = float(shifts[0] - factor * shifts[1])
    lost = abs(constant) <= SAME * np.abs(mine).max()
    return SamePay(factor, 0.0 if lost else constant, one.shape[1])
