"""Rules that name what went wrong in a training, each from the numbers alone.

Named diagnoses help a designer more than raw numbers. Every rule states the numbers it fired on, so that a
person can disagree. Rules about the reward's shape stay silent once the task is solved: advice would then
only do harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from reward_synth.core.number_format import number, percent, plural, steps, with_unit
from reward_synth.core.types import Finding, TermStatistics
from reward_synth.diagnosis.evidence import Evidence, diagnosis, thirds
from reward_synth.diagnosis.motion_rules import RULES as MOVEMENT_RULES

DOMINANT_SHARE = 0.9
DEAD_MAGNITUDE = 1e-9
# A term counts as constant if its extremes lie this close together, relative to its mean, ...
CONSTANT_SPREAD = 0.02
# ... and as stuck at its ceiling if its mean comes this close to its maximum.
CEILING = 0.98
# A series has moved if its last third differs from its first by this share of its whole range.
MOVED = 0.3
LOST_SUCCESS = 0.25
SEED_SUCCESS_RANGE = 0.5
MISALIGNED = -0.5
DECISIVE_PENALTY = 0.4
SMALLEST_CURVE = 4

Rule = Callable[[Evidence], Iterator[Finding]]


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the weightiest first."""
    return tuple(finding for rule in RULES for finding in rule(evidence))


def training_crashed(evidence: Evidence) -> Iterator[Finding]:
    """A training broke off."""
    for result in evidence.results:
        if result.status != "trained":
            yield diagnosis(
                f"training-{result.status}",
                f"Training of seed {result.seed} {result.status} after {steps(result.steps)} steps: "
                f"{result.reason or 'no reason was recorded'}.",
                "Mend what the reason names before anything else." if result.status == "crashed" else "",
            )


def reward_against_fitness(evidence: Evidence) -> Iterator[Finding]:
    """The learner collects more reward while the task gets worse, or no better."""
    if len(evidence.curve) < SMALLEST_CURVE or evidence.solved:
        return
    rewards = [point.reward for point in evidence.curve]
    before, after = thirds([point.fitness for point in evidence.curve])
    unit = evidence.task.fitness_unit
    if not _rises(rewards):
        return
    low, high = thirds(rewards)
    rise = f"The generated reward rose from {number(low)} to {number(high)} a step over training"
    change = f"from {number(before)} to {with_unit(after, unit)}"
    if before - after > evidence.noise and -_movement([p.fitness for p in evidence.curve]) > MOVED:
        yield diagnosis(
            "reward-up-fitness-down",
            f"{rise} while the task's fitness fell {change}: the policy is paid for something else than the goal.",
            f"Find the term that grew{_grown(evidence)} and tie it to the goal's own quantity, with the goal's sign.",
        )
    elif abs(after - before) <= evidence.noise:
        yield diagnosis(
            "reward-up-fitness-flat",
            f"{rise} while the task's fitness stayed where it was ({change}): "
            "the reward can be collected without coming nearer to the goal.",
            f"Lower or remove what is collected without progress{_grown(evidence)}; "
            "make the goal's own quantity the largest source of reward.",
        )


def no_learning(evidence: Evidence) -> Iterator[Finding]:
    """Neither the reward nor the fitness moved."""
    if len(evidence.curve) < SMALLEST_CURVE or evidence.solved:
        return
    fitness = [point.fitness for point in evidence.curve]
    before, after = thirds(fitness)
    if abs(after - before) > evidence.noise or _rises([point.reward for point in evidence.curve]):
        return
    yield diagnosis(
        "no-learning",
        f"Fitness stayed at {with_unit(after, evidence.task.fitness_unit)} "
        f"(it was {number(before)} at first) and the reward did not rise either over "
        f"{steps(evidence.curve[-1].step)} steps: the policy found nothing to follow.",
        "Give a reward that grows with every small step towards the goal from the start state on, "
        "instead of one that is paid only near the goal.",
    )


def dense_outweighs_sparse(evidence: Evidence) -> Iterator[Finding]:
    """With the scale `sign`: hints collected over an episode are worth more than the goal."""
    sums = [result.dense_sums for result in evidence.results if result.dense_sums is not None]
    if not sums or evidence.solved:
        return
    low, high = min(low for low, _ in sums), max(high for _, high in sums)
    if max(high, -low) <= 1.0:
        return
    worst = (
        "an episode can collect more by going on than by success"
        if high >= -low
        else "an early end, even by failure, costs less than going on"
    )
    yield diagnosis(
        "dense-outweighs-sparse",
        f"The dense part summed to between {number(low)} and {number(high)} over a training episode, against 1 for "
        f"success: {worst}.",
        "Pay dense terms for progress that can be lost again (a difference of distances), not at every step, so that "
        "their sum over an episode stays below 1.",
    )


def not_held(evidence: Evidence) -> Iterator[Finding]:
    """Success is reached, then left again."""
    if evidence.success_any - evidence.success >= LOST_SUCCESS:
        yield diagnosis(
            "success-not-held",
            f"The goal was reached at some step in {percent(evidence.success_any)} of the episodes, "
            f"but held at the end in only {percent(evidence.success)}.",
            "Pay at every step for being in the goal state, and for little speed there, so that staying is "
            "worth more "
            "than passing through.",
        )


def lost(evidence: Evidence) -> Iterator[Finding]:
    """Training was better before its end."""
    if len(evidence.curve) < SMALLEST_CURVE:
        return
    # An evaluation in mid-training has few episodes, so three in a row are one figure; the end's is the final one's.
    success = [point.success for point in evidence.curve]
    lately = [sum(success[i - 1 : i + 2]) / 3 for i in range(1, len(success) - 1)]
    peak = max(range(len(lately)), key=lambda i: (lately[i], i))
    end = evidence.curve[-1]
    fix = (
        "The reward led past a good policy: bound the term that keeps growing, and check that the reward is "
        "largest "
        "where the task succeeds."
    )
    kept = evidence.success if evidence.measurements else lately[-1]
    if lately[peak] - kept >= LOST_SUCCESS:
        around = evidence.curve[peak + 1].step
        yield diagnosis(
            "success-lost",
            f"Success was {percent(lately[peak])} around {steps(around)} steps and {percent(kept)} at the end.",
            fix,
        )
        return
    best = max(evidence.curve, key=lambda point: point.fitness)
    fitness = [point.fitness for point in evidence.curve]
    fall = best.fitness - end.fitness
    if not evidence.solved and fall > max(2 * evidence.noise, 0.4 * float(np.ptp(fitness))):
        unit = evidence.task.fitness_unit
        yield diagnosis(
            "fitness-lost",
            f"Fitness peaked at {with_unit(best.fitness, unit)} at {steps(best.step)} steps "
            f"and was {with_unit(end.fitness, unit)} at the end.",
            fix,
        )


def dominant_term(evidence: Evidence) -> Iterator[Finding]:
    """One term drowns the others."""
    if evidence.solved or len(evidence.terms) < 2:
        return
    for term in evidence.terms:
        share = _late(term.share)
        if share > DOMINANT_SHARE:
            others = ", ".join(
                f"`{other.name}` {percent(_late(other.share))}" for other in evidence.terms if other is not term
            )
            yield diagnosis(
                "dominant-term",
                f"`{term.name}` makes up {percent(share)} of the reward's magnitude late in training "
                f"({number(_late(term.mean))} a step); the others are hardly felt: {others}.",
                f"Divide its weight by about {number(_divisor(share))}, or raise the others until they are felt.",
            )


def dead_term(evidence: Evidence) -> Iterator[Finding]:
    """A term that was zero throughout training."""
    for term in evidence.terms:
        if max(map(abs, (*term.minimum, *term.maximum))) <= DEAD_MAGNITUDE:
            yield diagnosis(
                "dead-term",
                f"`{term.name}` was 0 at every step of training.",
                "Loosen its condition so that ordinary states reach it, or remove it.",
            )


def saturated_term(evidence: Evidence) -> Iterator[Finding]:
    """A term that pays the same whatever the robot does."""
    if evidence.solved:
        return
    for term in evidence.terms:
        low, mean, high = min(_half(term.minimum)), _late(term.mean), max(_half(term.maximum))
        if abs(mean) <= DEAD_MAGNITUDE:
            continue
        if high - low <= CONSTANT_SPREAD * abs(mean):
            told = f"was the same at every step late in training ({number(low)} to {number(high)})"
        elif mean > 0 and min(_half(term.mean)) >= CEILING * high:
            told = f"sits at its ceiling (mean {number(mean)} of at most {number(high)})"
        else:
            continue
        yield diagnosis(
            "saturated-term",
            f"`{term.name}` {told}: it no longer tells a better step from a worse one.",
            "Widen its scale (a larger temperature in tanh or exp, a higher target) or use the quantity "
            "itself; "
            "remove it if it only pays for being alive.",
        )


def misaligned_term(evidence: Evidence) -> Iterator[Finding]:
    """A bonus that pays more in the worse episodes, or a penalty that costs the better ones most of their reward."""
    values = [m.fitness for m in evidence.measurements]
    if evidence.solved or len(values) < 6 or float(np.ptp(values)) <= evidence.noise:
        return
    shares = {term.name: _late(term.share) for term in evidence.terms}
    for link in evidence.links:
        pays = link.mean_sum > 0
        # A penalty goes against fitness by its nature, as moving costs effort; it must not decide, though.
        weighty = shares.get(link.term, 1.0) > (0.1 if pays else DECISIVE_PENALTY)
        if weighty and link.correlation is not None and link.correlation < MISALIGNED:
            yield diagnosis(
                "misaligned-term",
                f"`{link.term}` {'paid' if pays else 'cost'} more in the {'worse' if pays else 'better'} episodes: "
                f"over {plural(len(values), 'episode')} its sum correlates with fitness at r = {link.correlation:.2f}, "
                f"and it makes up {percent(shares.get(link.term))} of the reward's magnitude.",
                "Check its sign, its frame and the field it reads; it should be largest where the task goes best.",
            )


def still_improving(evidence: Evidence) -> Iterator[Finding]:
    """Training ended on the way up."""
    fitness = [point.fitness for point in evidence.curve]
    if evidence.solved or len(fitness) < SMALLEST_CURVE + 1:
        return
    size = max(1, len(fitness) // 4)
    before, last = float(np.mean(fitness[-2 * size : -size])), float(np.mean(fitness[-size:]))
    spread = float(np.ptp(fitness))
    if last - before > max(evidence.noise, 0.1 * spread) and fitness[-1] >= max(fitness) - 0.1 * spread:
        yield diagnosis(
            "still-improving",
            f"Fitness was still rising when training ended: from {number(before)} to "
            f"{with_unit(last, evidence.task.fitness_unit)} over the last points.",
            "Give it more environment steps before changing the reward's shape; keep what this reward does.",
        )


def seed_variance(evidence: Evidence) -> Iterator[Finding]:
    """Seeds of the same reward end far apart."""
    seeds = [result for result in evidence.trained if result.episodes]
    if len(seeds) < 2:
        return
    success = [result.success for result in seeds]
    fitness = [result.fitness or 0.0 for result in seeds]
    apart = max(success) - min(success) >= SEED_SUCCESS_RANGE
    spread = float(np.ptp(fitness))
    wide = not evidence.solved and spread > max(2 * evidence.noise, 0.5 * max(map(abs, fitness)))
    if apart or wide:
        told = ", ".join(
            f"seed {r.seed}: {percent(r.success)}, {with_unit(r.fitness, evidence.task.fitness_unit)}" for r in seeds
        )
        yield diagnosis(
            "seed-variance",
            f"The same reward gave very different policies (success, fitness): {told}.",
            "Make the path to the goal smoother (no jumps, no bonus that only luck finds), and judge by more seeds.",
        )


RULES: tuple[Rule, ...] = (
    training_crashed,
    reward_against_fitness,
    *MOVEMENT_RULES,
    dense_outweighs_sparse,
    no_learning,
    not_held,
    lost,
    dominant_term,
    misaligned_term,
    dead_term,
    saturated_term,
    still_improving,
    seed_variance,
)


def _movement(values: list[float]) -> float:
    """Change from the first to the last third as a share of the range, -1 to 1; 0 for a flat series."""
    spread = float(np.ptp(values))
    before, after = thirds(values)
    return (after - before) / spread if spread > 0 else 0.0


def _rises(values: list[float]) -> bool:
    before, after = thirds(values)
    return _movement(values) > MOVED and after - before > 0.05 * max(map(abs, values))


def _late(values: tuple[float, ...]) -> float:
    return thirds(values)[1]


def _half(values: tuple[float, ...]) -> tuple[float, ...]:
    return values[len(values) // 2 :]


def _grown(evidence: Evidence) -> str:
    """The term whose mean grew most, in words for the middle of a sentence."""

    def growth(term: TermStatistics) -> float:
        before, after = thirds(term.mean)
        return after - before

    if not evidence.terms:
        return ""
    most = max(evidence.terms, key=growth)
    before, after = thirds(most.mean)
    return f" (`{most.name}`: {number(before)} to {number(after)} a step)" if after > before else ""


def _divisor(share: float) -> float:
    """What to divide a term by so that it makes up about 60 % beside unchanged others."""
    rest = max(1 - share, 0.005)
    return min(share / rest / 1.5, 100.0)
