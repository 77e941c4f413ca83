"""What an audit asks beside the attack's rules, of whole episodes and of their rewards step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reward_synth.audit.behaviours import HELD_ON
from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import number, plural
from reward_synth.core.types import Finding, Verdict
from reward_synth.reward.rules import declared
from reward_synth.screening.case import FAR_BELOW
from reward_synth.screening.played import PLANNED
from reward_synth.screening.reference_episodes import EXPERT, REST

AUDIT = declared("audit", "audit")
NEARLY = 0.05
"""Share of the spread of pay by which something must be paid more than rest."""
WINDOW = 10
"""Steps for which a failure must be paid what success is."""
SMOOTH, FALL, SLIGHT_FALL, FALLEN = 3, 0.15, 0.05, 5
"""Steps over which pay is averaged; the share of its range that it must fall by, for a finding and to be remarked; and
for how many steps."""


@dataclass(frozen=True)
class Told:
    """A whole episode: its kind, its start, what each step was paid, and whether the goal was reached there."""

    kind: str
    seed: int
    rewards: FloatArray
    """(T,); NaN where it was no number."""
    horizon: int
    ended: bool
    """True if the environment ended it."""
    success: bool | None
    """Whether the goal was reached at any step; None if nobody knows."""
    reached: NDArray[np.bool_] | None = None
    """(T,), where it was; None if that is not known of each step."""
    fitness: float | None = None
    """By the task or by success; None if nobody judges."""

    @property
    def total(self) -> float:
        """The sum."""
        return float(self.rewards.sum())

    def discounted(self, discount: float) -> float:
        """The sum with the learner's discount."""
        return float(self.rewards @ discount ** np.arange(len(self.rewards)))

    def rate(self, steps: int) -> float:
        """What a step of a whole episode is paid, of the first ``steps``."""
        part = self.rewards[:steps]
        return float(part.sum()) / (steps if self.ended else len(part))


@dataclass(frozen=True)
class Questions:
    """The audit's questions about what was told."""

    told: tuple[Told, ...]
    discount: float
    dt: float
    planned: bool
    """True if at least one plan was finished."""
    repeatable: bool = True

    def answers(self) -> tuple[list[Finding], dict[str, Verdict]]:
        """Findings, and each rule's verdict."""
        usable = [each for each in self.told if np.isfinite(each.rewards).all()]
        found = [*self._no_number(), *self._not_repeatable()]
        silent: dict[str, Verdict] = {}
        if usable:
            found += [*self._rest(usable), *self._failures(usable), *self._dawdling(usable), *self._falls(usable)]
        else:
            silent = dict.fromkeys(AUDIT, "could not run")
        known = any(each.success is not None for each in usable)
        done = any(each.success for each in usable)
        if not known or not done:
            why: Verdict = "not enough data" if known else "not applicable"
            silent |= dict.fromkeys(("pays-without-success", "dawdling-pays", "falls-on-the-way"), why)
        if not any(each.success and each.ended for each in usable):
            silent.setdefault("dawdling-pays", "not applicable")
        if not any(each.kind == EXPERT and each.reached is not None for each in usable):
            silent.setdefault("falls-on-the-way", "not applicable")
        if not self.planned:
            silent.setdefault("rest-pays-most", "not enough data")
        silent["sinks-in-training"] = "not applicable"
        answers: dict[str, Verdict] = {rule.id: silent.get(name, "not found") for name, rule in AUDIT.items()}
        return found, answers | {finding.id: "found" for finding in found}

    def _no_number(self) -> Iterator[Finding]:
        for each in self.told:
            bad = np.flatnonzero(~np.isfinite(each.rewards))
            if len(bad):
                where = f"at step {bad[0] + 1} of the behaviour {each.kind}, which starts from seed {each.seed}"
                yield AUDIT["no-number"].finding(f"the reward is {each.rewards[bad[0]]} {where}")
                return

    def _not_repeatable(self) -> Iterator[Finding]:
        if not self.repeatable:
            yield AUDIT["not-repeatable"].finding("the same seed and the same actions were paid something else")

    def _rest(self, usable: Sequence[Told]) -> Iterator[Finding]:
        """Needs a plan, without which any reward that is hard to earn would look like it."""
        rests = [each for each in usable if each.kind == REST]
        others = [each for each in usable if each.kind not in (REST, HELD_ON)]
        if not self.planned or not rests or not others:
            return
        steps = min((len(each.rewards) for each in usable if not each.ended), default=rests[0].horizon)
        best = max(others, key=lambda each: each.rate(steps))
        pay = [each.rate(steps) for each in others]
        enough = max(pay) - NEARLY * (max(pay) - min(pay))
        rest, statue = max(each.rate(steps) for each in rests), max(float(each.rewards[0]) for each in rests)
        if rest >= enough and not any(each.success for each in rests):
            name, most = "doing nothing", rest
        elif statue >= enough and self._does_badly(best, rests):
            name, most = "a statue in the start state", statue
        else:
            return
        yield AUDIT["rest-pays-most"].finding(
            f"{name} is paid {number(most)} per step, and the best of {len(others)} other episodes {number(max(pay))}, "
            f"in their first {steps} steps; the worst is paid {number(min(pay))}"
        )

    def _does_badly(self, best: Told, rests: Sequence[Told]) -> bool:
        """True if it has come less than half the way to the best known fitness: else to stand may be the goal."""
        known = [each.fitness for each in self.told if each.fitness is not None]
        if best.fitness is None or not known or max(known) == min(known):
            return False
        low = float(np.mean([each.fitness for each in rests if each.fitness is not None]))
        return best.fitness < low + FAR_BELOW * (max(known) - low)

    def _failures(self, usable: Sequence[Told]) -> Iterator[Finding]:
        """Sums over whole episodes; or else the best-paid steps of failures against the steps at the goal."""
        whole = [each for each in usable if each.kind not in (PLANNED, HELD_ON)]
        good = [each for each in whole if each.success]
        bad = [each for each in usable if each.success is False and each.kind != HELD_ON]
        if not good or not bad:
            return
        middle = float(np.median([each.total for each in good]))
        best = max((each for each in bad if each.kind != PLANNED), key=lambda each: each.total, default=None)
        if best is not None and best.total >= middle and not any(each.ended for each in good):
            yield AUDIT["pays-without-success"].finding(
                f"the behaviour {best.kind} does not succeed and is paid {number(best.total)} in sum, and the median "
                f"of {plural(len(good), 'successful episode')} {number(middle)}"
            )
            return
        held = [each.rewards[each.reached] for each in good if each.reached is not None]
        if not held:
            return
        goal = float(np.median(np.concatenate(held)))
        richest = max(bad, key=_best_window)
        if (most := _best_window(richest)) >= goal:
            yield AUDIT["pays-without-success"].finding(
                f"the behaviour {richest.kind} does not succeed and is paid {number(most)} per step for {WINDOW} steps,"
                f" and a step at the goal {number(goal)} in the median"
            )

    def _dawdling(self, usable: Sequence[Told]) -> Iterator[Finding]:
        done = {each.seed: each for each in usable if each.success and each.ended and each.kind == EXPERT}
        rests = {each.seed: each for each in usable if each.kind == REST and not each.success}
        pairs = [(done[seed], rests[seed]) for seed in sorted(done.keys() & rests.keys())]
        less = [(one, other) for one, other in pairs if one.total < other.total]
        if not pairs or 2 * len(less) < len(pairs):
            return
        ends, stays = ([each[place] for each in pairs] for place in (0, 1))
        held = [each for each in usable if each.kind == HELD_ON and each.seed in done]
        sums = [_mean([each.total for each in those]) for those in (ends, stays)]
        discounted = [_mean([each.discounted(self.discount) for each in those]) for those in (ends, stays)]
        per_step = [_mean([float(each.rewards.mean()) for each in those]) for those in (ends, stays)]
        steps = [_mean([len(each.rewards) for each in those]) for those in (ends, stays)]
        text = (
            f"an expert that reaches the goal, which ends its episode after {steps[0]:.0f} steps, is paid less in sum "
            f"than doing nothing for {steps[1]:.0f} steps, from {len(less)} of {plural(len(pairs), 'start')}: sum "
            f"{_against(sums)}; discounted sum {_against(discounted)}; per step {_against(per_step)}"
        )
        if held:
            text += f"; were the episode not ended there, in sum {number(_mean([each.total for each in held]))}"
        yield AUDIT["dawdling-pays"].finding(text)

    def _falls(self, usable: Sequence[Told]) -> Iterator[Finding]:
        told = self._told_of_falls(usable, FALL)
        if told and not self._planned_success:
            yield AUDIT["falls-on-the-way"].finding(told)

    def remarks(self) -> Iterator[str]:
        """What is no finding, because rewards that train well do it too."""
        usable = [each for each in self.told if np.isfinite(each.rewards).all()]
        told = self._told_of_falls(usable, SLIGHT_FALL)
        if told and not any(self._falls(usable)):
            plans = "a planned episode gets past it" if self._planned_success else "no planned episode gets past it"
            yield f"{told}; {plans if self.planned else 'no plan was finished that could get past it'}"

    @property
    def _planned_success(self) -> bool:
        return any(each.kind == PLANNED and each.success for each in self.told)

    def _told_of_falls(self, usable: Sequence[Told], share: float) -> str:
        """The median fall of pay on an expert's way, if most of its episodes have one of this share of their range."""
        experts = [each for each in usable if each.kind == EXPERT and each.success]
        ways = [(each.rewards, int(np.argmax(each.reached)) + 1) for each in experts if each.reached is not None]
        falls = [deepest_fall(*way) for way in ways]
        found = [fall for fall in falls if fall is not None and fall.share >= share and fall.steps >= FALLEN]
        if not found or 2 * len(found) <= len(ways):
            return ""
        fall = sorted(found)[len(found) // 2]
        return (
            f"in {len(found)} of {plural(len(ways), 'episode')} of an expert that succeeds, the pay of a step falls on "
            f"the way: in the median from {number(fall.top)} to {number(fall.bottom)} at {fall.step * self.dt:.2f} s, "
            f"and it takes {fall.steps} steps until it is paid as much again"
        )


class Fall(NamedTuple):
    """The deepest fall of pay on the way to the goal."""

    top: float
    """The highest mean over :data:`SMOOTH` steps before it."""
    bottom: float
    step: int
    """Where it is lowest."""
    steps: int
    """For how many it is paid less than before."""
    share: float
    """Of the range of pay in the whole episode."""


def deepest_fall(rewards: FloatArray, reached: int) -> Fall | None:
    """The deepest fall of an episode's rewards (T,) in its first ``reached`` steps; None if these are too few."""
    way = rewards[:reached]
    if len(way) < SMOOTH + FALLEN:
        return None
    smooth = np.convolve(way, np.full(SMOOTH, 1.0 / SMOOTH), "valid")
    best = np.maximum.accumulate(smooth)
    depth = best - smooth
    lowest = int(np.argmax(depth))
    steps = int((smooth < best[lowest] - 1e-9)[np.argmax(smooth == best[lowest]) :].sum())
    share = float(depth[lowest] / max(np.ptp(rewards), 1e-12))
    return Fall(float(best[lowest]), float(smooth[lowest]), lowest, steps, share)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _against(pair: Sequence[float]) -> str:
    return f"{number(pair[0])} against {number(pair[1])}"


def _best_window(each: Told) -> float:
    """The largest mean of the reward over :data:`WINDOW` steps; minus infinity for a shorter episode."""
    if len(each.rewards) < WINDOW:
        return -np.inf
    return float(np.convolve(each.rewards, np.full(WINDOW, 1.0 / WINDOW), "valid").max())
