"""The numbers of a candidate's trainings, merged over seeds: the input of the rules and of the summary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import STOPPED, EpisodeScore, EvaluationPoint, TermStatistics, TrainResult
from reward_synth.diagnosis.precursors import Precursor, precursors
from reward_synth.diagnosis.trajectories import Played
from reward_synth.evaluation.conditions import Condition
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

POINTS = 10
"""Points of training that are reported."""
COUNTS = ("step", "episodes")

# A change of fitness below either is chance: 2 % of the largest magnitude, or 0.01 in the unit of fitness.
RELATIVE_NOISE = 0.02
SMALLEST_CHANGE = 0.01
MAIN = 0.5
"""A term counts as one of the goal's own from this correlation with fitness on."""
Z_99 = 2.326
"""One-sided 99 % quantile of the normal distribution."""


@dataclass(frozen=True)
class TermLink:
    """How one reward term's sum over an episode correlates with fitness, over the evaluation episodes."""

    term: str
    mean_sum: float
    deviation: float
    """Standard deviation of single steps' values over all episodes."""
    correlation: float | None
    """Pearson's r; None for fewer than 4 episodes, or if term or fitness is the same in all of them."""
    per_step: bool = False
    """True if the correlation is that of the mean per step: if lengths differ, sums mostly measure the length."""


@dataclass(frozen=True)
class Evidence:
    """All that is known about one candidate after training, as plain values."""

    task: TaskSpec
    table: FieldTable
    candidate_id: str
    results: tuple[TrainResult, ...]
    curve: tuple[EvaluationPoint, ...]
    """Mean over seeds, at most :data:`POINTS` points."""
    terms: tuple[TermStatistics, ...]
    """Merged over seeds, at most :data:`POINTS` points, in the order of the reward."""
    links: tuple[TermLink, ...]
    played: tuple[Played, ...]
    fields: tuple[str, ...]
    """Names of the fields that are worth reporting."""
    falls: bool = False
    """True if the environment ended failed episodes of untrained behaviour: a policy learns not to fall first."""
    conditions: tuple[Condition, ...] = ()
    """Of the task's success, with the number of final evaluation episodes that fulfil each."""
    reads: tuple[str, ...] = ()
    """Names of the fields that the reward reads."""

    @cached_property
    def trained(self) -> tuple[TrainResult, ...]:
        """The results of the seeds that were trained to their end."""
        return tuple(result for result in self.results if result.status == "trained")

    @cached_property
    def scores(self) -> tuple[EpisodeScore, ...]:
        """The final evaluation of all seeds."""
        return tuple(m for result in self.results for m in result.episodes)

    @property
    def success(self) -> float:
        """Share of final evaluation episodes that succeeded; 0.0 if none was played."""
        return _mean([m.success for m in self.scores])

    @property
    def success_any(self) -> float:
        """Share of final evaluation episodes in which the predicate held at any step."""
        return _mean([m.success_any for m in self.scores])

    @property
    def fitness(self) -> float | None:
        """Mean fitness of the final evaluation; None if none was played."""
        return _mean([m.fitness for m in self.scores]) if self.scores else None

    @property
    def solved(self) -> bool:
        """True if the share of successful episodes reaches the task's threshold."""
        return bool(self.scores) and self.success >= self.task.success_threshold

    @cached_property
    def main_terms(self) -> frozenset[str]:
        """Positive terms that pay more in better episodes: the goal's own terms, which may well outweigh all others."""
        return frozenset(
            link.term
            for link in self.links
            if link.mean_sum > 0 and link.correlation is not None and link.correlation >= MAIN
        )

    @cached_property
    def ends_early(self) -> bool:
        """True if the environment ended a failed episode before the horizon: a constant bonus then pays for lasting.

        If an episode ends with success instead, such a bonus rewards delaying the success.
        """
        short = any(not point.success and point.episode_length < 0.99 * self.task.horizon for point in self.curve)
        return self.falls or short or any(m.fell for m in self.scores)

    @cached_property
    def cut_short(self) -> bool:
        """True if the training was stopped at a rung."""
        return any(result.reason.startswith(STOPPED) for result in self.trained)

    @cached_property
    def precursors(self) -> tuple[Precursor, ...]:
        """What is unusual before the environment ends failed episodes."""
        return precursors(self.played, self.table)

    @cached_property
    def noise(self) -> float:
        """The largest change of fitness that may well be chance, in the unit of fitness."""
        values = [point.fitness for point in self.curve] + [m.fitness for m in self.scores]
        finite = [value for value in values if math.isfinite(value)]
        largest = max((abs(value) for value in finite), default=0.0)
        spreads = [
            float(np.std([m.fitness for m in r.episodes])) / math.sqrt(len(r.episodes))
            for r in self.results
            if r.episodes
        ]
        return max(SMALLEST_CHANGE, RELATIVE_NOISE * largest, 2 * max(spreads, default=0.0))


def thirds(values: Sequence[float]) -> tuple[float, float]:
    """Means of the first and of the last third, because single evaluation points are noisy."""
    size = max(1, len(values) // 3)
    return _mean(values[:size]), _mean(values[-size:])


def merge_curves(results: Sequence[TrainResult], points: int = POINTS) -> tuple[EvaluationPoint, ...]:
    """Evaluations of several seeds as one curve: the mean over seeds at each point."""
    curves = [result.evaluations for result in results if result.evaluations]
    if not curves:
        return ()
    count = min(points, max(len(curve) for curve in curves))
    columns = {
        name: np.mean([_resample([getattr(p, name) for p in curve], count) for curve in curves], axis=0)
        for name in EvaluationPoint.model_fields
    }
    return tuple(
        EvaluationPoint.model_validate(
            {name: round(float(column[i])) if name in COUNTS else float(column[i]) for name, column in columns.items()}
        )
        for i in range(count)
    )


def merge_terms(results: Sequence[TrainResult], points: int = POINTS) -> tuple[TermStatistics, ...]:
    """Term statistics of several seeds as one: extremes over seeds, means of means and of shares."""
    by_name: dict[str, list[TermStatistics]] = {}
    for result in results:
        for term in result.terms:
            if term.mean:
                by_name.setdefault(term.name, []).append(term)
    merged = []
    for name, terms in by_name.items():
        count = min(points, max(len(term.mean) for term in terms))
        merged.append(
            TermStatistics(
                name=name,
                minimum=_tuple(np.min([_resample(t.minimum, count) for t in terms], axis=0)),
                mean=_tuple(np.mean([_resample(t.mean, count) for t in terms], axis=0)),
                maximum=_tuple(np.max([_resample(t.maximum, count) for t in terms], axis=0)),
                share=_tuple(np.mean([_resample(t.share, count) for t in terms], axis=0)),
            )
        )
    return tuple(merged)


def link_terms(
    terms_on_episodes: Sequence[Mapping[str, FloatArray]], scores: Sequence[EpisodeScore]
) -> tuple[TermLink, ...]:
    """How each term's episode sum, or its mean per step if lengths differ, correlates with fitness.

    :param terms_on_episodes: per episode, each term's value at each step, (T,).
    """
    fitness = np.array([m.fitness for m in scores])
    per_step = len({m.length for m in scores}) > 1
    links = []
    for term in dict.fromkeys(name for values in terms_on_episodes for name in values):
        steps = [np.asarray(values.get(term, np.zeros(1)), dtype=np.float64) for values in terms_on_episodes]
        sums = np.array([values.sum() for values in steps])
        means = np.array([values.mean() for values in steps])
        links.append(
            TermLink(
                term=term,
                mean_sum=float(sums.mean()),
                deviation=float(np.concatenate(steps).std()),
                correlation=correlation(means if per_step else sums, fitness),
                per_step=per_step,
            )
        )
    return tuple(links)


def is_surely_negative(correlation: float | None, count: int) -> bool:
    """True if a correlation over so many pairs is below 0, with a chance of 1 in 100 that it is not (Fisher's z)."""
    if correlation is None or count < 4:
        return False
    return math.atanh(max(-0.999999, min(0.999999, correlation))) * math.sqrt(count - 3) < -Z_99


def correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Pearson's r; None for fewer than 4 pairs, or if one side does not vary or is not finite."""
    if len(first) < 4 or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    # The tolerance is relative, so that episodes that differ only by rounding count as equal.
    if any(np.ptp(side) <= 1e-9 * (1 + np.abs(side).max()) for side in (first, second)):
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _resample(values: Sequence[float], count: int) -> FloatArray:
    numbers = np.asarray(values, dtype=np.float64)
    places = np.linspace(0, len(numbers) - 1, count)
    if count <= len(numbers):
        # Use measured points and do not interpolate.
        measured: FloatArray = numbers[np.round(places).astype(int)]
        return measured
    between: FloatArray = np.interp(places, np.arange(len(numbers)), numbers)
    return between


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _tuple(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
