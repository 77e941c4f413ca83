"""Final training: judges a reward by policies that are trained on it from scratch after the search.

The search's own results are too good for its winner, which was picked because they were high. So it is trained again on
seeds that the search never used, each with the whole budget, and judged in new episodes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.evaluation import Estimate, Evaluation, SeedScore
from reward_synth.core.names import LogName
from reward_synth.core.types import CheckReport, Outcome, TrainResult
from reward_synth.evaluation.judge import solved
from reward_synth.evaluation.play import FINAL_EVALUATION_SEEDS
from reward_synth.evaluation.select import FINAL_EPISODES, wilson_interval
from reward_synth.evaluation.statistics import interquartile_mean, mean_interval
from reward_synth.events.bus import Emit
from reward_synth.events.model import SeedTrained, StatusChanged
from reward_synth.executors.registry import open_executor
from reward_synth.report.data import write_report
from reward_synth.search.jobs import line_of
from reward_synth.search.limits import Limits
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import Progress, TrainJob, progress_event

_UPPER_HALF = 2**31
"""Training seeds of a search are below this, those of final trainings are not, so no seed is in both."""


@dataclass(frozen=True)
class FinalTraining:
    """A request for final trainings of one candidate."""

    candidate: str
    seeds: int = 5
    """Total number of seeds, including those that are done."""
    steps: int | None = None
    """Environment steps of each; None takes the run's budget."""
    jobs: int | None = 1
    """Parallel trainings; None: as many as there are cores and memory for."""
    executor: Literal["local", "ray"] = "local"
    """Where they run."""
    sandbox: bool = True
    log: LogName = "none"
    """Where the trainings' figures are written besides."""

    def run(self, store: RunStore, emit: Emit, should_stop: Callable[[], bool]) -> Evaluation:
        """Train the missing seeds. The run must be locked and the reward processes protected.

        However it ends, finished seeds are in the run folder, and another call does the rest.

        :raises RewardSynthError: there is no such candidate, its reward cannot be trained, or earlier seeds had another
            budget.
        """
        task = load_task(store.task_path)
        report = _check(store, self.candidate)
        # A continued training had several budgets.
        budgets = len(line_of(store, self.candidate))
        steps = self.steps or budgets * (store.settings().steps or task.training.steps)
        stored, earlier = store.read_final_results(self.candidate), store.read_evaluation(self.candidate)
        _refuse_other_budget(store, self.candidate, earlier, stored, steps)
        results = {
            index: result
            for index, result in stored.items()
            if result.belongs_to(self._job(store, task, report, steps, index).digest())
        }
        missing = [index for index in range(self.seeds) if index not in results]
        wanted = len(results) + len(missing)
        trained = dict.fromkeys(missing, 0)
        started = time.monotonic()

        def book() -> Evaluation:
            evaluation = evaluate_results(self.candidate, task, results, steps, wanted)
            store.write_evaluation(evaluation)
            return evaluation

        def progressed(job: TrainJob, progress: Progress) -> None:
            trained[job.seed_index] = progress.step
            emit(progress_event(self.candidate, job, progress))

        def finished(job: TrainJob, result: TrainResult) -> None:
            results[job.seed_index] = result
            trained[job.seed_index] = steps
            book()
            done = sum(trained.values())
            seconds = (time.monotonic() - started) * (steps * len(missing) - done) / done
            left = seconds if len(results) < wanted else None
            score = _score(job.seed_index, result, task)
            emit(SeedTrained(candidate=self.candidate, score=score, done=len(results), total=wanted, seconds_left=left))

        # Written before the first seed ends, because stored results must state their budget.
        book()
        text = f"final training of {self.candidate}: {len(missing)} of {wanted} seeds, {steps:,} steps each"
        emit(StatusChanged(text=text))
        executor = open_executor(self.executor, self.jobs, self.log, store.path)
        try:
            executor.run(
                [self._job(store, task, report, steps, index) for index in missing], progressed, finished, should_stop
            )
        finally:
            executor.close()
            write_report(store)
        return book()

    def _job(self, store: RunStore, task: TaskSpec, report: CheckReport, steps: int, index: int) -> TrainJob:
        settings, budgets = store.settings(), len(line_of(store, self.candidate))
        return TrainJob.of(
            task,
            store.reward_path(self.candidate),
            report,
            store.final_train_dir(self.candidate, index),
            seed=final_seed(settings.seed, self.candidate, index),
            steps=steps,
            learner=settings.learner,
            seed_index=index,
            settles_from=steps // budgets if budgets > 1 else None,
            evaluation_seeds=FINAL_EVALUATION_SEEDS,
            # Every seed gets the same budget, so a lucky one must not end early.
            stop_when_solved=False,
            sandbox=self.sandbox,
        )


def train_best(store: RunStore, settings: Settings, emit: Emit, outcome: Outcome, started: float) -> Outcome:
    """Run the final training of the best reward, if the settings ask for it and the search is complete.

    :param started: when the search began (``time.monotonic``), for the time limit.
    :return: the run's outcome: that of the search, or ``stopped`` if the final training was stopped.
    """
    if not settings.final_seeds or outcome.best is None or outcome.status in ("stopped", "waiting"):
        return outcome
    limits = Limits(store, settings, started)
    training = FinalTraining(
        outcome.best,
        settings.final_seeds,
        jobs=settings.jobs,
        executor=settings.executor,
        sandbox=not settings.unsafe_no_sandbox,
        log=settings.log,
    )
    if training.run(store, emit, lambda: limits.reason() is not None).done:
        return outcome
    reason = f"{limits.reason()}, in the final training; before that: {outcome.reason}"
    return outcome.model_copy(update={"status": "stopped", "reason": reason})


def final_seed(run_seed: int, candidate: str, index: int) -> int:
    """The seed of one final training. It depends only on these names, and no search uses it."""
    digest = hashlib.sha256(f"{run_seed}/{candidate}/final/{index}".encode()).digest()
    return _UPPER_HALF + (int.from_bytes(digest[:4], "big") >> 1)


def evaluate_results(
    candidate: str, task: TaskSpec, results: Mapping[int, TrainResult], steps: int, wanted: int
) -> Evaluation:
    """Combine the results of final trainings.

    A crashed training counts as a policy that never succeeds. It has no fitness, so it is left out there.

    :param results: finished trainings by seed index.
    :param steps: the budget of each.
    :param wanted: number of seeds requested.
    """
    scores = tuple(_score(index, result, task) for index, result in sorted(results.items()))
    trained = [results[score.index] for score in scores if score.status == "trained"]
    # Earlier versions used fewer episodes, so only as many as all policies played are counted.
    episodes = min((len(result.episodes) for result in trained), default=1)
    success = np.zeros((len(scores), episodes))
    for row, score in enumerate(scores):
        if score.status == "trained":
            success[row] = [episode.success for episode in results[score.index].episodes[:episodes]]
    fitness = np.array([[episode.fitness for episode in result.episodes[:episodes]] for result in trained])
    solving = sum(score.solved for score in scores)
    return Evaluation(
        candidate=candidate,
        steps=steps,
        wanted=wanted,
        seeds=scores,
        success=_estimate(success) if scores else None,
        fitness=_estimate(fitness) if trained else None,
        solved=solving / len(scores) if scores else None,
        solved_interval=wilson_interval(solving, len(scores)) if scores else None,
        total_steps=sum(score.steps for score in scores),
        cpu_seconds=round(sum(score.cpu_seconds for score in scores), 3),
    )


def _score(index: int, result: TrainResult, task: TaskSpec) -> SeedScore:
    return SeedScore(
        index=index,
        seed=result.seed,
        status="trained" if result.status == "trained" and result.episodes else "crashed",
        reason=result.reason,
        success=result.success,
        fitness=result.fitness,
        solved=_solved(result, task),
        steps=result.steps,
        seconds=result.seconds,
        cpu_seconds=result.cpu_seconds,
    )


def _solved(result: TrainResult, task: TaskSpec) -> bool:
    if len(result.episodes) < FINAL_EPISODES:
        return result.success >= task.success_threshold  # The rule of earlier versions, which played fewer.
    return solved(result.episodes, task)


def _estimate(figures: FloatArray) -> Estimate:
    by_seed = figures.mean(axis=1)
    return Estimate(mean=float(figures.mean()), iqm=interquartile_mean(by_seed), interval=mean_interval(figures))


def _check(store: RunStore, candidate: str) -> CheckReport:
    """The check report of a reward that may be trained."""
    found = store.candidate(candidate)
    report = store.read_check(candidate)
    if found.status == "rejected" or report is None or not store.has_reward(candidate):
        reason = f": {found.reason}" if found.reason else ""
        raise RewardSynthError(
            f"{candidate} was {found.status}{reason}; it cannot be trained",
            f"name another one: reward-synth show {store.argument}",
            exit_code=1,
        )
    return report


def _refuse_other_budget(
    store: RunStore, candidate: str, earlier: Evaluation | None, results: Mapping[int, TrainResult], steps: int
) -> None:
    if results and earlier is not None and earlier.steps != steps:
        raise RewardSynthError(
            f"the {len(results)} seeds of {candidate} that are done had {earlier.steps:,} steps each, not {steps:,}",
            f"go on with --steps {earlier.steps}, or remove {store.final_dir(candidate)} to begin anew",
        )
