"""Rules that name what went wrong in a training, from its numbers alone.

Named diagnoses help a designer more than raw numbers. Rules about the reward's shape are asked only while the task is
unsolved, because advice would otherwise only do harm.
"""

from __future__ import annotations

import numpy as np

from reward_synth.core.number_format import number, percent, plural, steps, with_unit
from reward_synth.core.types import TermStatistics, Verdict
from reward_synth.diagnosis.condition_rules import unread_condition
from reward_synth.diagnosis.course_rules import (
    LOST_SUCCESS,
    SMALLEST_CURVE,
    fitness_lost,
    still_improving,
    success_lost,
)
from reward_synth.diagnosis.detector import (
    Detector,
    Said,
    detector,
    episodes,
    points,
    seeds,
    terms,
    trained_out,
    unsolved,
)
from reward_synth.diagnosis.evidence import Evidence, is_surely_negative, thirds
from reward_synth.diagnosis.motion_rules import DETECTORS as MOTION

DOMINANT_SHARE = 0.9
DEAD_MAGNITUDE = 1e-9
# A term counts as constant if its extremes lie this close together, relative to its mean, ...
CONSTANT_SPREAD = 0.02
# ... and as stuck at its ceiling if its mean comes this close to its maximum.
CEILING = 0.98
# A series has moved if its last third differs from its first by this share of its whole range.
MOVED = 0.3
# ... and a reward has risen if it did so by this share of its largest value.
GROWN = 0.2
SEED_SUCCESS_RANGE = 0.5
MISALIGNED = -0.5
DECISIVE_PENALTY = 0.4


def _linked(evidence: Evidence) -> Verdict | None:
    """Require the reward's terms on the episodes of the final evaluation; the reward may have failed there."""
    return None if evidence.links else "could not run"


def _told_apart(evidence: Evidence) -> Verdict | None:
    """Require episodes whose fitness differs by more than chance, of a policy that has learned something.

    Otherwise their fitness differs by where they start, and a term that is right there may seem wrong.
    """
    fitness = [point.fitness for point in evidence.curve]
    apart = float(np.ptp([m.fitness for m in evidence.scores])) > evidence.noise
    learned = not fitness or float(np.ptp(fitness)) > evidence.noise
    return None if apart and learned else "not enough data"


def _signed(evidence: Evidence) -> Verdict | None:
    """Require the scale ``sign`` and at least one finished training episode."""
    if any(result.dense_sums is not None for result in evidence.results):
        return None
    return "not enough data" if evidence.task.training.scale == "sign" else "not applicable"


@detector()
def training_crashed(evidence: Evidence) -> Said:
    """Did a training break off?

    Fix what the reason names.
    """
    for result in evidence.results:
        if result.status == "crashed":
            yield (
                f"Training of seed {result.seed} crashed after {steps(result.steps)} steps: "
                f"{result.reason or 'no reason was recorded'}.",
                "Mend what the reason names before anything else.",
            )


@detector(unsolved, points(SMALLEST_CURVE))
def reward_up_fitness_down(evidence: Evidence) -> Said:
    """Does the learner collect more reward while the task gets worse?

    The policy is paid for something else: tie the term that grew to the goal's own quantity.
    """
    fitness = [point.fitness for point in evidence.curve]
    before, after = thirds(fitness)
    rise = _rise(evidence)
    if rise and before - after > evidence.noise and -_movement(fitness) > MOVED:
        change = f"from {number(before)} to {with_unit(after, evidence.task.fitness_unit)}"
        yield (
            f"{rise} while the task's fitness fell {change}: the policy is paid for something else than the goal.",
            f"Find the term that grew{_grown(evidence)} and tie it to the goal's own quantity, with the goal's sign.",
        )


@detector(unsolved, points(SMALLEST_CURVE))
def reward_up_fitness_flat(evidence: Evidence) -> Said:
    """Does the learner collect more reward while the task gets no better?

    Lower what can be collected without progress.
    """
    before, after = thirds([point.fitness for point in evidence.curve])
    rise = _rise(evidence)
    largest = max(abs(before), abs(after))
    # A small fitness may rise by a third within the noise, and a fitness that rose and fell again did not stay.
    moved = max(abs(after - before), max(point.fitness for point in evidence.curve) - before)
    flat = moved <= evidence.noise and (largest <= evidence.noise or moved <= 0.1 * largest)
    if rise and flat and _most_grown(evidence) not in evidence.main_terms:
        change = f"from {number(before)} to {with_unit(after, evidence.task.fitness_unit)}"
        yield (
            f"{rise} while the task's fitness stayed where it was ({change}): the reward can be collected "
            "without coming nearer to the goal.",
            f"Lower or remove what is collected without progress{_grown(evidence)}; make the goal's own quantity the "
            "largest source of reward.",
        )


@detector(unsolved, points(SMALLEST_CURVE))
def no_learning(evidence: Evidence) -> Said:
    """Do both the reward and the fitness stay where they were?

    Give a reward that grows with every small step from the start state on.
    """
    before, after = thirds([point.fitness for point in evidence.curve])
    if abs(after - before) > evidence.noise or _rise(evidence):
        return
    yield (
        f"Fitness stayed at {with_unit(after, evidence.task.fitness_unit)} (it was {number(before)} at first) and the "
        f"reward did not rise either over {steps(evidence.curve[-1].step)} steps: the policy found nothing to follow.",
        "Give a reward that grows with every small step towards the goal from the start state on, instead of one that "
        "is paid only near the goal.",
    )


@detector(unsolved, _signed)
def dense_outweighs_sparse(evidence: Evidence) -> Said:
    """With the scale `sign`: are hints collected over an episode worth more than the goal?

    They sum to more than a success is worth, or a failure costs: pay them for progress that can be lost again.
    """
    sums = [result.dense_sums for result in evidence.results if result.dense_sums is not None]
    low, high = min(low for low, _ in sums), max(high for _, high in sums)
    if max(high, -low) <= 1.0:
        return
    worst = (
        "an episode can collect more by going on than by success"
        if high >= -low
        else "an early end, even by failure, costs less than going on"
    )
    yield (
        f"The dense part summed to between {number(low)} and {number(high)} over a training episode, against 1 for "
        f"success: {worst}.",
        "Pay dense terms for progress that can be lost again (a difference of distances), not at every step, so that "
        "their sum over an episode stays below 1.",
    )


@detector(episodes(1))
def success_not_held(evidence: Evidence) -> Said:
    """Is success reached, then left again?

    In at least 25 % of the episodes: pay for being in the goal state, and for little speed there.
    """
    if evidence.success_any - evidence.success >= LOST_SUCCESS:
        yield (
            f"The goal was reached at some step in {percent(evidence.success_any)} of the episodes, but held at the "
            f"end in only {percent(evidence.success)}.",
            "Pay at every step for being in the goal state, and for little speed there, so that staying is worth more "
            "than passing through.",
        )


@detector(unsolved, trained_out, terms(2))
def dominant_term(evidence: Evidence) -> Said:
    """Does one term drown the others?

    It makes up more than 90 % of the reward's magnitude late in training, and is neither the goal's own term, which
    pays more in the better episodes, nor a bonus for lasting: divide its weight, or raise the others.
    """
    for term in evidence.terms:
        share = _late(term.share)
        if share > DOMINANT_SHARE and term.name not in evidence.main_terms and not _pays_for_lasting(evidence, term):
            others = ", ".join(
                f"`{other.name}` {percent(_late(other.share))}" for other in evidence.terms if other is not term
            )
            yield (
                f"`{term.name}` makes up {percent(share)} of the reward's magnitude late in training "
                f"({number(_late(term.mean))} a step); the others are hardly felt: {others}.",
                f"Divide its weight by about {number(_divisor(share))}, or raise the others until they are felt.",
            )


@detector(trained_out, terms(1))
def dead_term(evidence: Evidence) -> Said:
    """Was a term zero throughout training?

    A bonus must be within the reach of ordinary states. A guard that was never needed may stay.
    """
    for term in evidence.terms:
        if max(map(abs, (*term.minimum, *term.maximum))) <= DEAD_MAGNITUDE:
            yield (
                f"`{term.name}` was 0 at every step of training: the policy met no state that it is for.",
                "If it is a bonus, loosen its condition so that ordinary states reach it. A guard that was never "
                "needed may stay.",
            )


@detector(unsolved, trained_out, terms(1))
def saturated_term(evidence: Evidence) -> Said:
    """Does a term pay the same whatever the robot does?

    It is the same at every step late in training, or sits at its ceiling: widen its scale. Where the environment ends
    episodes early, a constant bonus pays for lasting, and is none.
    """
    for term in evidence.terms:
        low, mean, high = min(_half(term.minimum)), _late(term.mean), max(_half(term.maximum))
        if abs(mean) <= DEAD_MAGNITUDE or term.name in evidence.main_terms or _pays_for_lasting(evidence, term):
            continue
        if high - low <= CONSTANT_SPREAD * abs(mean):
            told = f"was the same at every step late in training ({number(low)} to {number(high)})"
        elif mean > 0 and min(_half(term.mean)) >= CEILING * high:
            told = f"sits at its ceiling (mean {number(mean)} of at most {number(high)})"
        else:
            continue
        yield (
            f"`{term.name}` {told}: it no longer tells a better step from a worse one.",
            "Widen its scale (a larger temperature in tanh or exp, a higher target) or use the quantity itself; remove "
            "it if it only pays for being alive.",
        )


@detector(unsolved, trained_out, episodes(6), _told_apart, _linked)
def misaligned_term(evidence: Evidence) -> Said:
    """Does a bonus pay more in the worse episodes, or a penalty cost the better ones most of their reward?

    Over 6 or more episodes its sum correlates with fitness below -0.5, by more than chance would in one of a hundred
    cases, and a penalty makes up 40 % of the reward's magnitude: check its sign, its frame and its field.
    """
    shares = {term.name: _late(term.share) for term in evidence.terms}
    for link in evidence.links:
        pays = link.mean_sum > 0
        # A penalty naturally correlates with low fitness, since moving costs effort; but it must not dominate.
        weighty = shares.get(link.term, 1.0) > (0.1 if pays else DECISIVE_PENALTY)
        low = link.correlation is not None and link.correlation < MISALIGNED
        if weighty and low and is_surely_negative(link.correlation, len(evidence.scores)):
            count = plural(len(evidence.scores), "episode")
            pay = "mean per step" if link.per_step else "sum"
            yield (
                f"`{link.term}` {'paid' if pays else 'cost'} more in the {'worse' if pays else 'better'} episodes: "
                f"over {count} its {pay} correlates with fitness at r = {link.correlation:.2f}, "
                f"and it makes up {percent(shares.get(link.term))} of the reward's magnitude.",
                "Check its sign, its frame and the field it reads; it should be largest where the task goes best.",
            )


@detector(seeds(2))
def seed_variance(evidence: Evidence) -> Said:
    """Do seeds of the same reward end far apart?

    A smoother path to the goal helps, and more seeds.
    """
    seeds = [result for result in evidence.trained if result.episodes]
    success = [result.success for result in seeds]
    fitness = [result.fitness or 0.0 for result in seeds]
    apart = max(success) - min(success) >= SEED_SUCCESS_RANGE
    spread = float(np.ptp(fitness))
    wide = not evidence.solved and spread > max(2 * evidence.noise, 0.5 * max(map(abs, fitness)))
    if apart or wide:
        told = ", ".join(
            f"seed {r.seed}: {percent(r.success)}, {with_unit(r.fitness, evidence.task.fitness_unit)}" for r in seeds
        )
        yield (
            f"The same reward gave very different policies (success, fitness): {told}.",
            "Make the path to the goal smoother (no jumps, no bonus that only luck finds), and judge by more seeds.",
        )


DETECTORS: tuple[Detector, ...] = (
    training_crashed,
    reward_up_fitness_down,
    reward_up_fitness_flat,
    *MOTION,
    dense_outweighs_sparse,
    no_learning,
    unread_condition,
    success_not_held,
    success_lost,
    fitness_lost,
    dominant_term,
    misaligned_term,
    dead_term,
    saturated_term,
    still_improving,
    seed_variance,
)
"""The most important first."""


def _rise(evidence: Evidence) -> str:
    """How the generated reward rose over training, in words; empty if it did not."""
    rewards = [point.reward for point in evidence.curve]
    low, high = thirds(rewards)
    rises = _movement(rewards) > MOVED and high - low > GROWN * max(map(abs, rewards))
    return f"The generated reward rose from {number(low)} to {number(high)} a step over training" if rises else ""


def _movement(values: list[float]) -> float:
    """Change from the first to the last third as a share of the range, -1 to 1; 0 for a flat series."""
    spread = float(np.ptp(values))
    before, after = thirds(values)
    return (after - before) / spread if spread > 0 else 0.0


def _late(values: tuple[float, ...]) -> float:
    return thirds(values)[1]


def _half(values: tuple[float, ...]) -> tuple[float, ...]:
    return values[len(values) // 2 :]


def _growth(term: TermStatistics) -> float:
    before, after = thirds(term.mean)
    return after - before


def _most_grown(evidence: Evidence) -> str | None:
    """The term whose mean grew most; None if none grew."""
    most = max(evidence.terms, key=_growth, default=None)
    return most.name if most is not None and _growth(most) > 0 else None


def _grown(evidence: Evidence) -> str:
    """The term whose mean grew most, in words for the middle of a sentence."""
    name = _most_grown(evidence)
    means = [thirds(term.mean) for term in evidence.terms if term.name == name]
    return f" (`{name}`: {number(means[0][0])} to {number(means[0][1])} a step)" if means else ""


def _pays_for_lasting(evidence: Evidence, term: TermStatistics) -> bool:
    """True for a bonus that is the same at every step, if an episode may end before its horizon."""
    low, mean, high = min(_half(term.minimum)), _late(term.mean), max(_half(term.maximum))
    return evidence.ends_early and mean > 0 and high - low <= CONSTANT_SPREAD * mean


def _divisor(share: float) -> float:
    """The number to divide a term by so that its share becomes about 60 % while the others stay as they are."""
    rest = max(1 - share, 0.005)
    return min(share / rest / 1.5, 100.0)
