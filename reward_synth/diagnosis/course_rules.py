"""Rules about the course of a training: what was lost again, and what was still rising when it ended."""

from __future__ import annotations

import numpy as np

from reward_synth.core.number_format import number, percent, steps, with_unit
from reward_synth.diagnosis.detector import Said, detector, points, unsolved
from reward_synth.diagnosis.evidence import Evidence

LOST_SUCCESS = 0.25
SMALLEST_CURVE = 4
RISEN = 0.1
"""A reward has risen since the peak if it did so by this share of its range."""
LED_PAST = (
    "The reward rose meanwhile, so it led past a good policy: bound the term that keeps growing, and check that the "
    "reward is largest where the task succeeds."
)
UNSTEADY = (
    "The reward did not rise meanwhile: the training was unsteady rather than misled. Keep what this reward does, see "
    "which condition of success still fails, and smooth what changes fast near the goal."
)


def _why_lost(evidence: Evidence, at_peak: float) -> str:
    rewards = [point.reward for point in evidence.curve]
    return LED_PAST if rewards[-1] - at_peak > RISEN * float(np.ptp(rewards)) else UNSTEADY


@detector(points(SMALLEST_CURVE))
def success_lost(evidence: Evidence) -> Said:
    """Did the policy succeed more often before the end of its training?

    By at least 25 points, over three evaluations in a row. If the reward rose meanwhile, it led past a good policy;
    otherwise keep it.
    """
    # Evaluations during training have few episodes, so the mean of three in a row is used; the final one has many.
    success = [point.success for point in evidence.curve]
    lately = [sum(success[i - 1 : i + 2]) / 3 for i in range(1, len(success) - 1)]
    peak = max(range(len(lately)), key=lambda i: (lately[i], i))
    # If the best policy was kept, the final evaluation is not about the end of training.
    of_the_end = evidence.scores and not any(result.policy == "best" for result in evidence.trained)
    end = evidence.success if of_the_end else success[-1]
    if lately[peak] - end >= LOST_SUCCESS:
        around = evidence.curve[peak + 1]
        yield (
            f"Success was {percent(lately[peak])} around {steps(around.step)} steps (mean of three evaluations) and "
            f"{percent(end)} at the end.",
            _why_lost(evidence, around.reward),
        )


@detector(unsolved, points(SMALLEST_CURVE))
def fitness_lost(evidence: Evidence) -> Said:
    """Was fitness better before the end of the training?

    Well above its value at the end, and success does not show it. If the reward rose meanwhile, it led past a good
    policy; otherwise keep it.
    """
    if success_lost(evidence).findings:
        return
    best, end = max(evidence.curve, key=lambda point: point.fitness), evidence.curve[-1]
    spread = float(np.ptp([point.fitness for point in evidence.curve]))
    if best.fitness - end.fitness > max(2 * evidence.noise, 0.4 * spread):
        unit = evidence.task.fitness_unit
        yield (
            f"Fitness peaked at {with_unit(best.fitness, unit)} at {steps(best.step)} steps and was "
            f"{with_unit(end.fitness, unit)} at the end.",
            _why_lost(evidence, best.reward),
        )


@detector(unsolved, points(SMALLEST_CURVE + 1))
def still_improving(evidence: Evidence) -> Said:
    """Did training end on the way up?

    Train longer before changing the reward.
    """
    fitness = [point.fitness for point in evidence.curve]
    size = max(1, len(fitness) // 4)
    before, last = float(np.mean(fitness[-2 * size : -size])), float(np.mean(fitness[-size:]))
    spread = float(np.ptp(fitness))
    if last - before > max(evidence.noise, 0.1 * spread) and fitness[-1] >= max(fitness) - 0.1 * spread:
        yield (
            f"Fitness was still rising when training ended: from {number(before)} to "
            f"{with_unit(last, evidence.task.fitness_unit)}, each a mean over several points.",
            "Give it more environment steps before changing the reward's shape; keep what this reward does.",
        )
