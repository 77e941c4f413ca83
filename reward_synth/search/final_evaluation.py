"""Final training: what a reward is worth, told by policies trained on it from scratch after the search.

The search's own figures flatter its winner: it was picked because they were high. So it is trained again on seeds that
the search never used, for the whole budget each, and judged in episodes that nobody has looked at.
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
from reward_synth.core.types import CheckReport, Estimate, Evaluation, Outcome, SeedScore, TrainResult
from reward_synth.evaluation.judge import solved
from reward_synth.evaluation.play import FINAL_EVALUATION_SEEDS
from reward_synth.evaluation.select import FINAL_EPISODES, wilson_interval
from reward_synth.evaluation.statistics import interquartile_mean, mean_interval
from reward_synth.events.bus import Emit
from reward_synth.events.model import SeedTrained, StatusChanged
from reward_synth.executors.registry import open_executor
from reward_synth.report.data import write_report
from reward_synth.search.limits import first_reason, stop_file, time_limit
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import Progress, TrainJob, progress_event

_UPPER_HALF = 2**31
"""Training seeds of a search lie below it, those of final trainings from it on: no seed is in both."""


@dataclass(frozen=True)
class FinalTraining:
    """What is to be trained, and how."""

    candidate: str
    seeds: int = 5
    """How many there shall be, those that are done already included."""
    steps: int | None = None
    """Environment steps of each; None takes the run's budget."""
    jobs: int | None = 1
    """Trainings side by side; None: as many as there are cores and memory for."""
    executor: Literal["local", "ray"] = "local"
    """Where they run."""
    sandbox: bool = True

    def run(self, store: RunStore, emit: Emit, should_stop: Callable[[], bool]) -> Evaluation:
        """Train the seeds that are missing. The run must be locked and the reward processes protected.

        However it ends, what is done is in the run folder: calling it again does the rest.

        :raises RewardSynthError: there is no such candidate, its reward cannot be trained, or earlier seeds had another
            budget.
        """
        task = load_task(store.task_path)
        report = _check(store, self.candidate)
        steps = self.steps or store.settings().steps or task.training.steps
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

        # Before the first seed ends: what lies there must say which budget it has.
        book()
        text = f"final training of {self.candidate}: {len(missing)} of {wanted} seeds, {steps:,} steps each"
        emit(StatusChanged(text=text))
        executor = open_executor(self.executor, self.jobs)
        try:
            executor.run(
                [self._job(store, task, report, steps, index) for index in missing], progressed, finished, should_stop
            )
        finally:
            executor.close()
            write_report(store)
        return book()

    def _job(self, store: RunStore, task: TaskSpec, report: CheckReport, steps: int, index: int) -> TrainJob:
        settings = store.settings()
        return TrainJob.of(
            task,
            store.reward_path(self.candidate),
            report,
            store.final_train_dir(self.candidate, index),
            seed=final_seed(settings.seed, self.candidate, index),
            steps=steps,
            learner=settings.learner,
            seed_index=index,
            evaluation_seeds=FINAL_EVALUATION_SEEDS,
            # Every seed gets the same budget, so that a lucky one does not end early.
            stop_when_solved=False,
            sandbox=self.sandbox,
        )


def train_best(store: RunStore, settings: Settings, emit: Emit, outcome: Outcome, started: float) -> Outcome:
    """Where the settings want it, and a search has come to its end, train its best reward finally.

    :param started: when the search began (``time.monotonic``), for the time limit.
    :return: how the run ends: as the search did, or ``stopped`` if the final training was.
    """
    if not settings.final_seeds or outcome.best is None or outcome.status in ("stopped", "waiting"):
        return outcome
    rules = (stop_file(store.stop_requested), time_limit(settings.time_limit, started))
    training = FinalTraining(
        outcome.best,
        settings.final_seeds,
        jobs=settings.jobs,
        executor=settings.executor,
        sandbox=not settings.unsafe_no_sandbox,
    )
    if training.run(store, emit, lambda: first_reason(rules) is not None).done:
        return outcome
    reason = f"{first_reason(rules)}, in the final training; before that: {outcome.reason}"
    return outcome.model_copy(update={"status": "stopped", "reason": reason})


def final_seed(run_seed: int, candidate: str, index: int) -> int:
    """The training seed of one final training: follows from its names, and no search uses it."""
    digest = hashlib.sha256(f"{run_seed}/{candidate}/final/{index}".encode()).digest()
    return _UPPER_HALF + (int.from_bytes(digest[:4], "big") >> 1)


def evaluate_results(
    candidate: str, task: TaskSpec, results: Mapping[int, TrainResult], steps: int, wanted: int
) -> Evaluation:
    """What final trainings say together.

    A crashed one counts as a policy that never succeeds, and is left out of the fitness, which it does not have.

    :param results: those that have ended, by seed index.
    :param steps: the budget of each.
    :param wanted: how many seeds were asked for.
    """
    scores = tuple(_score(index, result, task) for index, result in sorted(results.items()))
    trained = [results[score.index] for score in scores if score.status == "trained"]
    # Versions before judged by fewer episodes: those that all have played count.
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
        return result.success >= task.success_threshold  # So it was decided while fewer were played.
    return solved(result.episodes, task)


def _estimate(figures: FloatArray) -> Estimate:
    by_seed = figures.mean(axis=1)
    return Estimate(mean=float(figures.mean()), iqm=interquartile_mean(by_seed), interval=mean_interval(figures))


def _check(store: RunStore, candidate: str) -> CheckReport:
    """The checks' report on a reward that may be trained."""
    found = store.candidate(candidate)
    report = store.read_check(candidate)
    if found.status == "rejected" or report is None or not store.has_reward(candidate):
        reason = f": {found.reason}" if found.reason else ""
        raise RewardSynthError(
            f"{candidate} was {found.status}{reason}; it cannot be trained",
            f"name another one: reward-synth show {store.short_id}",
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
