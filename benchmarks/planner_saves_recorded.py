"""What `planner_saves.py` measures once and uses in all searches: checks, attacks and trainings of recorded rewards.

An attack of a reward is a row of `results/planner_saves_rewards.tsv`. The row without a reward is of the task: what a
search costs besides trainings, and what planning for its fitness costs. Each part of a training between two rungs is a
row of `results/planner_saves_trainings.tsv`, known by the digest of its job.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from planner_cost import PLAN_SECONDS
from predictor_scores import bare
from recorded import RecordedReward, recorded_rewards
from solved_per_hour import search
from tables import add, read

from reward_synth.core.types import Candidate, CheckReport, EvaluationPoint, Finding, TrainResult
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.select import is_solved, with_results
from reward_synth.executors.base import OnProgress, OnResult
from reward_synth.executors.local import LocalExecutor
from reward_synth.reward.lint import lint
from reward_synth.screening.checker import RewardChecker
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import preset_for
from reward_synth.training.worker.subprocess_stage import processor_seconds

RESULTS = Path(__file__).parent / "results"
REWARDS, TRAININGS = RESULTS / "planner_saves_rewards.tsv", RESULTS / "planner_saves_trainings.tsv"
REWARD_COLUMNS = ("task", "reward", "check_s", "attack_s", "rounds", "planned", "found", "refused")
TRAINING_COLUMNS = ("task", "reward", "seed", "until", "end", "job", "status", "steps", "cpu_s", "success", "fitness",
                    "solved")  # fmt: skip
FIRST_SEED = 1000
TINY = ("--iterations", "1", "--steps", "1000", "--jobs", "1", "--train-on", "0")
"""A search that trains next to nothing: what it costs otherwise is what any search costs."""


class Checked(NamedTuple):
    """What the checks and an attack say of a reward, and what they cost."""

    check_s: float
    attack_s: float
    rounds: int
    """Episodes that were planned to their end."""
    planned: float | None
    """Fitness of the planned episode that the reward pays most."""
    found: str
    refused: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The attack's."""
        severity = "error" if self.refused else "warning"
        return tuple(
            Finding(rule=rule, message=rule, severity=severity, source="screen") for rule in self.found.split()
        )


class Part(NamedTuple):
    """A training up to a rung, or its end. Steps and seconds are those since its start."""

    paused: bool
    steps: int
    cpu_s: float
    success: float
    fitness: float
    solved: bool
    crashed: bool

    def as_result(self, job: TrainJob) -> TrainResult:
        """What an executor reports."""
        point = EvaluationPoint(
            step=self.steps, success=self.success, success_any=self.success, fitness=self.fitness, episode_length=0.0,
            reward=0.0,
        )  # fmt: skip
        return TrainResult(
            status="paused" if self.paused else "crashed" if self.crashed else "trained",
            seed=job.seed,
            steps=self.steps,
            seconds=0.0,
            cpu_seconds=self.cpu_s,
            evaluations=(point,),
        )


def rewards_of(task: str, searches: Sequence[str]) -> dict[str, RecordedReward]:
    """The rewards of these searches that differ in more than words, by name."""
    found: dict[str, RecordedReward] = {}
    for reward in recorded_rewards(task):
        if reward.search in searches and reward.verdicts is not None and reward.verdicts.ok:
            found.setdefault(bare(reward.source), reward)
    return {reward.name: reward for reward in found.values()}


class RecordedTask:
    """The recorded rewards of a task, with all that is measured of them.

    :param folder: where trainings lie; those that were lost there are made again once they are to go on.
    """

    def __init__(self, name: str, searches: Sequence[str], folder: Path) -> None:
        self.name, self.task = name, load_task(name)
        self.seconds = PLAN_SECONDS[self.task.simulator]
        self.rewards = rewards_of(name, searches)
        self.folder = folder / name
        self.fixed_s, self.fitness_s = 0.0, 0.0
        """What a search costs besides checks, attacks and trainings; what planning for the fitness costs."""
        self.checked: dict[str, Checked] = {}
        self._jobs: dict[tuple[str, int], tuple[TrainJob, str]] = {}
        """With the digests, by reward and seed."""
        self._parts = {_key(row): _part(row) for row in read(TRAININGS) if row["task"] == name}

    def measure(self) -> None:
        """Check and attack what is not in the table yet, and read the others."""
        rows = {row["reward"]: row for row in read(REWARDS) if row["task"] == self.name}
        wanted = [name for name in self.rewards if name not in rows]
        if wanted or "" not in rows:
            checker = RewardChecker.of(self.task)
            begun = processor_seconds()
            checker.attacked_with(self.seconds)
            if "" not in rows:
                planned_s = processor_seconds() - begun
                add(REWARDS, REWARD_COLUMNS, (self.name, "", _search_seconds(self.name), f"{planned_s:.2f}", *[""] * 4))
            for name in wanted:
                row = (self.name, name, *self._attacked(checker, self.rewards[name].source))
                add(REWARDS, REWARD_COLUMNS, row)
            rows = {row["reward"]: row for row in read(REWARDS) if row["task"] == self.name}
        self.checked = {name: _checked(rows[name]) for name in self.rewards}
        # That search checked four rewards.
        usual = sum(each.check_s for each in self.checked.values()) / len(self.checked)
        self.fixed_s = float(rows[""]["check_s"]) - 4 * usual
        self.fitness_s = float(rows[""]["attack_s"])

    def _attacked(self, checker: RewardChecker, source: str) -> tuple[object, ...]:
        begun = processor_seconds()
        report = checker.check(source)
        report = checker.screen(source, report) if report.ok else report
        checked = processor_seconds()
        if not report.ok:
            raise ValueError(f"{self.name}: a reward is refused before it is attacked: {report.findings}")
        attacked = checker.attack(source, report, self.seconds, preset_for(self.task).discount)
        spent = processor_seconds() - checked
        known = {finding.id for finding in report.findings}
        found = [finding for finding in attacked.report.findings if finding.id not in known]
        best, summary = attacked.episodes.get("planned"), attacked.report.planned
        return (
            f"{checked - begun:.2f}", f"{spent:.2f}", summary.rounds if summary else 0,
            f"{best.score.fitness:.5g}" if best and best.score else "",
            " ".join(sorted({finding.rule for finding in found})), int(not attacked.report.ok),
        )  # fmt: skip

    def job(self, name: str, seed: int) -> TrainJob:
        """The training of a reward in a search."""
        if (name, seed) not in self._jobs:
            source, place = self.rewards[name].source, self.folder / name
            place.mkdir(parents=True, exist_ok=True)
            reward = place / "reward.py"
            reward.write_text(source, encoding="utf-8")
            found = lint(source, self._shown.layout(), action_size=len(self._shown.actions))
            report = CheckReport(fields=found.fields, terms=found.terms)
            numbers = {"seed": FIRST_SEED + seed, "keep_checkpoint": True}
            job = TrainJob.of(self.task, reward, report, place / f"seed-{seed}", **numbers)
            self._jobs[name, seed] = job, job.digest()[:16]
        return self._jobs[name, seed][0]

    @cached_property
    def _executor(self) -> LocalExecutor:
        return LocalExecutor(1)

    def close(self) -> None:
        """End the workers."""
        if "_executor" in self.__dict__:
            self._executor.close()

    @cached_property
    def _shown(self) -> FieldTable:
        return field_table(self.task).for_rewards()

    def part(self, job: TrainJob) -> Part:
        """What comes of a job: from the table, or from a training, which then stands there."""
        digest = self._jobs[job.reward.parent.name, job.seed - FIRST_SEED][1]
        key = (digest, job.until or job.steps, bool(job.end))
        if key not in self._parts:
            self._parts[key] = self._trained(job, key)
        return self._parts[key]

    def _trained(self, job: TrainJob, key: tuple[str, int, bool]) -> Part:
        """Train up to there, from the pause before it. Each part has a folder of its own, since the next one goes on
        from the pause, and so may the evaluation that ends the training."""
        pauses = sorted(int(each.name) for each in job.folder.glob("[0-9]*") if each.name.isdigit())
        earlier = [until for until in pauses if until < key[1] or (until == key[1] and job.end)]
        place = job.folder / (f"{key[1]}-end" if job.end else str(key[1]))
        shutil.rmtree(place, ignore_errors=True)
        if earlier:
            shutil.copytree(job.folder / str(earlier[-1]), place)
        (place / "trajectories").mkdir(parents=True, exist_ok=True)
        done: list[TrainResult] = []
        asked = job.model_copy(update={"folder": place, "trajectories": place / "trajectories"})
        self._executor.run([asked], lambda *_: None, lambda _, result: done.append(result), lambda: False)
        (result,) = done
        paused = result.status == "paused"
        candidate = with_results(Candidate(id="001-a", iteration=1), done)
        point = result.evaluations[-1] if result.evaluations else None
        told = (point.success, point.fitness) if paused and point else (result.success, result.fitness or 0.0)
        solved = not paused and is_solved(candidate, self.task)
        row = (
            self.name, job.reward.parent.name, job.seed - FIRST_SEED, key[1], int(key[2]), key[0], result.status,
            result.steps, f"{result.cpu_seconds:.2f}", f"{told[0]:.4f}", f"{told[1]:.6g}", int(solved),
        )  # fmt: skip
        add(TRAININGS, TRAINING_COLUMNS, row)
        return _part(dict(zip(TRAINING_COLUMNS, map(str, row), strict=True)))


class Trainings:
    """An executor that reports recorded trainings, and books what each reward's cost. It trains what is not recorded.

    :param part: what comes of a job.
    """

    def __init__(self, part: Callable[[TrainJob], Part]) -> None:
        self._part = part
        self.booked: dict[str, Part] = {}
        """The latest part of each reward's training."""
        self._until: dict[str, int | None] = {}

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """See :class:`~reward_synth.executors.base.Executor`; one after the other."""
        for job in jobs:
            if should_stop():
                return
            name = job.reward.parent.name
            # A training that is ended was asked for no further than the rung that ends it.
            asked = job.model_copy(update={"until": self._until[name]}) if job.end else job
            self._until[name] = asked.until
            self.booked[name] = found = self._part(asked)
            on_result(job, found.as_result(job))

    def close(self) -> None:
        """Nothing is held."""


def _key(row: dict[str, str]) -> tuple[str, int, bool]:
    return row["job"], int(row["until"]), row["end"] == "1"


def _part(row: dict[str, str]) -> Part:
    return Part(
        row["status"] == "paused", int(row["steps"]), float(row["cpu_s"]), float(row["success"]),
        float(row["fitness"]), row["solved"] == "1", row["status"] == "crashed",
    )  # fmt: skip


def _checked(row: dict[str, str]) -> Checked:
    planned = float(row["planned"]) if row["planned"] else None
    return Checked(
        float(row["check_s"]), float(row["attack_s"]), int(row["rounds"]), planned, row["found"], row["refused"] == "1"
    )


def _search_seconds(task: str) -> str:
    """What a whole search costs besides its trainings, with films, model calls and everything."""
    checkout = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        row = search(checkout, "after", task, 0, Path(folder), ["--task", task, *TINY])
    return f"{row['cpu_s'] - row['training_cpu_s']:.2f}"
