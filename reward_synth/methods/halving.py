"""Early elimination: candidates train in rungs, and after each rung the worst stop.

This is successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943): after each rung, the better half continues.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reward_synth.core.types import STOPPED, EvaluationPoint, TrainResult
from reward_synth.evaluation.select import Z_95
from reward_synth.events.model import RungDecided
from reward_synth.executors.base import Executor, OnProgress
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import RungEnd

ONE_IN = 2
"""One in this many candidates of a rung continues, rounded up, so at least one does.

A smaller share saves more, but the rewards that lead at a tenth of the budget are often not those that lead at its end
(``benchmarks/rungs.py``)."""


@dataclass(frozen=True)
class Standing:
    """A candidate's quality at the end of a rung, by the task's own measure and never by its reward's value."""

    candidate: str
    success: float
    """Share of the evaluation episodes of all seeds that succeeded; -1 if every seed crashed."""
    fitness: float
    """Mean over these episodes."""
    error: float = 0.0
    """Standard error of the fitness."""

    @property
    def score(self) -> tuple[float, float]:
        """Task success, then fitness."""
        return (self.success, self.fitness)

    def overlaps(self, better: Standing) -> bool:
        """True if chance may explain the order: equal success, and overlapping 95 % intervals of fitness."""
        near = better.fitness - self.fitness <= Z_95 * math.hypot(self.error, better.error)
        return self.success == better.success >= 0.0 and near

    @classmethod
    def of(cls, candidate: str, results: Sequence[TrainResult], until: int) -> Standing:
        """The standing by the evaluations of all seeds at step ``until``.

        The results of a resumed run may have gone further; only what was known at that step counts.
        """
        newest = [point for result in results if (point := _at(result, until)) is not None]
        if not newest:
            return cls(candidate, success=-1.0, fitness=-math.inf)
        return cls(
            candidate,
            success=sum(point.success for point in newest) / len(newest),
            fitness=sum(point.fitness for point in newest) / len(newest),
            error=math.sqrt(sum(point.fitness_deviation**2 / point.episodes for point in newest)) / len(newest),
        )


def _at(result: TrainResult, until: int) -> EvaluationPoint | None:
    if result.status == "crashed":
        return None
    for point in result.evaluations:
        if point.step >= until:
            return point
    return result.evaluations[-1] if result.evaluations else None


def choose(
    standings: Sequence[Standing], entered: int, aimless: float | None = None
) -> tuple[list[Standing], list[Standing]]:
    """The candidates that continue and those that stop, each the best first.

    :param standings: candidates still in training, the more promising first: that one wins a tie.
    :param entered: how many candidates began the rung. Those that crashed or ended in it count as stopped.
    :param aimless: fitness that aimless behaviour reaches, for a goal whose learning speed is unknown. A rung must not
        decide by chance there, so nobody stops while no candidate exceeds this value. Nor does a candidate stop whose
        interval overlaps that of the last one that continues.
    """
    ranked = sorted(standings, key=lambda each: each.score, reverse=True)
    places = math.ceil(entered / ONE_IN)
    kept, stopped = ranked[:places], ranked[places:]
    if aimless is None:
        return kept, stopped
    if all(each.success <= 0.0 and each.fitness <= aimless for each in ranked):
        return ranked, []
    doubtful = [each for each in stopped if each.overlaps(kept[-1])]
    return [*kept, *doubtful], [each for each in stopped if each not in doubtful]


def most_steps(candidates: int, rungs: Sequence[float]) -> float:
    """The largest number of steps that these candidates can take, in units of one full training."""
    total, before = 0.0, 0.0
    for share in rungs if candidates > 1 else (1.0,):
        total += candidates * (share - before)
        candidates, before = math.ceil(candidates / ONE_IN), share
    return total


class SuccessiveHalving:
    """The trainings of one iteration's candidates, rung by rung.

    Only the trainings' own files are kept: a resumed run decides again, on the same numbers.

    :param jobs: for each candidate one job per seed; the more promising candidate first.
    :param rungs: shares of the budget at which the worst stop, rising to 1.
    :param aimless: see :func:`choose`.
    :param free: candidates outside all rungs, which train to their end; they have passed the rungs' steps before.
    :param ahead: candidates that train to their end before all others begin, because they have succeeded already.
    :param trained: steps for which a candidate had trained before. What it showed by then counts at an earlier rung
        too, which cannot spare them any more.
    :param ended: called once for each candidate when all its seeds have a result.
    :param decided: called for each decision.
    """

    def __init__(
        self,
        executor: Executor,
        jobs: Mapping[str, Sequence[TrainJob]],
        rungs: Sequence[float],
        progressed: OnProgress,
        ended: Callable[[str, list[TrainResult]], None],
        decided: Callable[[RungDecided], None],
        should_stop: Callable[[], bool],
        free: Collection[str] = (),
        aimless: float | None = None,
        ahead: Collection[str] = (),
        trained: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._trained = trained
        self._free = free
        self._ahead = ahead
        self._aimless = aimless
        self._executor = executor
        self._jobs = jobs
        self._rungs = rungs
        self._progressed = progressed
        self._ended = ended
        self._decided = decided
        self._should_stop = should_stop
        self._names = {job.folder: name for name, seeds in jobs.items() for job in seeds}
        self._results: dict[str, dict[int, TrainResult]] = {name: {} for name in jobs}

    def run(self) -> None:
        """Train until the last rung is done or ``should_stop`` turns true."""
        if self._ahead:
            first = [job for name in self._ahead for job in self._jobs[name]]
            self._executor.run(first, self._progressed, self._finished, self._should_stop)
            if self._should_stop():
                return
        field = [name for name in self._jobs if name not in self._free and name not in self._ahead]
        # Free candidates run beside the last rung: a call ends with its longest training, so a rung would wait for it.
        free = [job for name in self._free for job in self._jobs[name]]
        succeeded: list[TrainJob] = []
        others: list[TrainJob] = []
        for number, share in enumerate(self._rungs, start=1):
            if len(field) > 1 and share < 1:
                asked = [self._until(job, share) for name in field for job in self._jobs[name]]
            else:
                asked = [job for name in field for job in self._jobs[name]]
            last = not any(job.until for job in asked)
            # Of those that the last rung stopped, the ones that have succeeded may solve the task with no more
            # training. Nobody needs the evaluation of the others once it is solved, so that comes last.
            wanted = [*succeeded, *(free if last else ()), *asked, *others]
            self._executor.run(wanted, self._progressed, self._finished, self._should_stop)
            if self._should_stop() or last:
                return
            field, succeeded, others = self._cut(field, number, share)

    @staticmethod
    def _until(job: TrainJob, share: float) -> TrainJob:
        return job.model_copy(update={"until": max(1, round(share * job.steps))})

    def _finished(self, job: TrainJob, result: TrainResult) -> None:
        name = self._names[job.folder]
        seeds = self._results[name]
        was_done = self._done(name)
        seeds[job.seed_index] = result
        if self._done(name) and not was_done:
            self._ended(name, [seeds[index] for index in sorted(seeds)])

    def _done(self, name: str) -> bool:
        seeds = self._results[name]
        return len(seeds) == len(self._jobs[name]) and all(each.status != "paused" for each in seeds.values())

    def _at_rung(self, job: TrainJob) -> TrainResult | None:
        """The state at the job's ``until``: its pause, even if the training continued later; otherwise its result."""
        reported = self._results[self._names[job.folder]].get(job.seed_index)
        if reported is not None and reported.status == "paused":
            return reported
        rung = RungEnd.of(job)
        return rung.as_result(job) if rung is not None and rung.steps >= job.target else reported

    def _cut(self, field: list[str], number: int, share: float) -> tuple[list[str], list[TrainJob], list[TrainJob]]:
        """Who trains on, and the final evaluations of the stopped: of those that have succeeded, and of the others."""
        standings = []
        for name in field:
            jobs = [self._until(job, share) for job in self._jobs[name]]
            results = [result for job in jobs if (result := self._at_rung(job)) is not None]
            if any(result.status == "paused" for result in results):
                until = max(jobs[0].target, self._trained.get(name, 0))
                standings.append(Standing.of(name, results, until))
        kept, stopped = choose(standings, len(field), self._aimless)
        on, off = (tuple(each.candidate for each in part) for part in (kept, stopped))
        self._decided(RungDecided(number=number, rungs=len(self._rungs), share=share, kept=on, stopped=off))
        succeeded: list[TrainJob] = []
        others: list[TrainJob] = []
        for rank, each in enumerate(stopped, start=len(kept) + 1):
            reason = (
                f"{STOPPED} {share:.0%} of its steps as number {rank} of {len(standings)} "
                f"(success {each.success:.0%}, fitness {each.fitness:.3g})"
            )
            ends = [job.model_copy(update={"end": reason}) for job in self._jobs[each.candidate]]
            (succeeded if each.success > 0 else others).extend(ends)
        return [name for name in field if name in on], succeeded, others
