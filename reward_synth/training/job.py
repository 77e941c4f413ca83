"""The job file of a training worker and its two stages, and the files that hold their outcomes."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reward_synth.core.files import write_text
from reward_synth.core.names import LearnerName
from reward_synth.core.types import (
    CheckReport,
    EvaluationPoint,
    TermStatistics,
    Value,
)
from reward_synth.events.model import TrainingProgressed
from reward_synth.simulators.custom.files import digest_of, file_of, name_environment
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.presets import Preset, preset_for

CHECKPOINT = "checkpoint.pt"
"""The file from which a training can continue."""
POLICY = "policy.npz"
BEST_POLICY = "best_policy.npz"
JOB = "job.json"
EVALUATIONS = "evaluations.npz"
"""See :mod:`reward_synth.training.kept_evaluations`."""
PROGRESS_COLUMNS = ("step", "seconds", "reward_per_step", "episode_length")
EVALUATION_COLUMNS = tuple(EvaluationPoint.model_fields)
STEP_LIMIT = 600.0
"""Seconds for one step of an environment of which nothing was measured."""
TERM_COLUMNS = ("step", "term", "minimum", "mean", "maximum", "share")


class TrainJob(Value):
    """``job.json``: all that a worker needs. It contains no key and no setting of the loop."""

    task: TaskSpec
    reward: Path
    """The reward file to train on; its exact bytes run."""
    fields: tuple[str, ...]
    """State fields that the reward reads, as the lint found them."""
    terms: tuple[str, ...]
    """Names of the reward terms, as the probe found them."""
    preset: Preset
    steps: int
    """Budget in environment steps. Steps are environment steps everywhere, even if a decision is held for several."""
    settles_from: int | None = None
    """From this step on PPO's learning rate is lower, so that a policy that often succeeds does not lose that again: it
    follows a straight line that begins with the whole rate at step 0 and reaches a tenth at the end. None: it stays."""
    until: int | None = None
    """Pause at this step, with a checkpoint that a job with a larger ``until`` continues from. None: no pause."""
    end: str = ""
    """If set, a paused training ends at its pause for this reason, and is evaluated."""
    seed: int
    folder: Path
    """Where progress.csv, terms.csv, eval.csv, model.zip, policy.npz and result.json go."""
    trajectories: Path
    """Where the final evaluation's episodes go."""
    seed_index: int = 0
    evaluation_points: int = 10
    evaluation_episodes: int = 4
    """Episodes at each point of training; the final evaluation plays ``task.evaluation.episodes``."""
    evaluation_seeds: int | None = None
    """Seed of the final evaluation's first episode; the others follow. None: the seeds that selection uses."""
    keep_checkpoint: bool = False
    """Leave a checkpoint at the end too, from which a job with more steps continues."""
    stop_when_solved: bool = True
    """End the training once two evaluations in a row succeed in every episode."""
    passed: bool = False
    """For the evaluator: the training ended because a large evaluation showed that the policy solves the task."""
    step_limit: float = STEP_LIMIT
    """Seconds after which an environment that does not return from a step is at fault."""
    sandbox: bool = True
    """Lock trainer and evaluator. False trains without a lock, for a person who asked for that."""
    environment_file: Path | None = None
    """Where the environment's own file lies, if it has one; :meth:`located` fills it in."""

    @classmethod
    def of(
        cls,
        task: TaskSpec,
        reward: Path,
        report: CheckReport,
        folder: Path,
        *,
        seed: int,
        steps: int | None = None,
        learner: LearnerName | None = None,
        trajectories: Path | None = None,
        **more: Any,
    ) -> TrainJob:
        """A job for a reward that was checked.

        :param report: what lint and probe found: the fields that it reads, and its terms.
        :param steps: budget; None takes the task's.
        :param learner: None takes the task's.
        :param trajectories: None puts them into the folder.
        :param more: other fields of the job.
        :raises RewardSynthError: the learner has no such preset.
        """
        return cls(
            task=task,
            reward=reward.resolve(),
            fields=report.fields,
            terms=report.terms,
            preset=preset_for(task, learner),
            steps=steps or task.training.steps,
            seed=seed,
            folder=folder.resolve(),
            trajectories=(trajectories or folder / "trajectories").resolve(),
            **more,
        )

    @property
    def policy_path(self) -> Path:
        """The policy as plain arrays, which the trainer writes and the evaluator reads."""
        return self.folder / POLICY

    @property
    def best_policy_path(self) -> Path:
        """The policy of the best evaluation in training. It is removed when a policy is chosen for the result."""
        return self.folder / BEST_POLICY

    @property
    def last_policy_path(self) -> Path:
        """The policy at the training's end, if an earlier policy replaced it in :attr:`policy_path`."""
        return self.folder / "last_policy.npz"

    @property
    def evaluations_path(self) -> Path:
        """An episode of each evaluation in training, for films."""
        return self.folder / EVALUATIONS

    @property
    def checkpoint_path(self) -> Path:
        """The file from which a paused training continues."""
        return self.folder / CHECKPOINT

    @property
    def target(self) -> int:
        """Number of steps at which the training ends or pauses."""
        return self.steps if self.until is None else min(self.until, self.steps)

    @property
    def result_path(self) -> Path:
        """Written last, atomically: its existence means that the training is finished."""
        return self.folder / "result.json"

    def lineage(self) -> str:
        """As :meth:`digest`, but without the budget and what depends on it.

        A training can continue from checkpoints of the same lineage.
        """
        return self.digest("steps")

    def digest(self, *besides: str) -> str:
        """A hash of everything that decides the result: the job without its folders, its limits and the task's texts,
        and the bytes of the reward and of the environment's file.

        :param besides: further fields to leave out.
        """
        places = {"task", "reward", "folder", "trajectories", "environment_file"}
        # A resumed training may have other limits: how far it trains for now, and how safely.
        limits = {"until", "end", "keep_checkpoint", "stop_when_solved", "passed", "sandbox", "step_limit"}
        # It follows from the budget, and results of earlier versions, which knew no such step, stay valid.
        asked = self.model_dump_json(exclude={*places, *limits, "settles_from", *besides})
        # The preset says how to train; the task's goal, name and notes are for people.
        words = {"name", "goal", "aliases", "notes", "drafted", "source", "fitness_unit", "training"}
        asked += self.task.model_dump_json(exclude=words) + self.task.training.scale
        asked += digest_of(self.task.environment.id)
        return hashlib.sha256(asked.encode() + self.reward.read_bytes()).hexdigest()

    def located(self) -> TrainJob:
        """The job with the place of the environment's file, as this process knows it."""
        found = file_of(self.task.environment.id)
        return self if found is None else self.model_copy(update={"environment_file": found})

    def write(self) -> Path:
        """Write ``job.json`` and return its path."""
        path = self.folder / JOB
        write_text(path, self.located().model_dump_json(indent=2) + "\n")
        return path

    @classmethod
    def read(cls, path: Path) -> TrainJob:
        """Read a job file. From then on this process knows where the environment's file lies."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> TrainJob:
        """The same as :meth:`read`, from the file's text."""
        job = cls.model_validate_json(text)
        if job.environment_file is not None:
            name_environment(f"{job.environment_file}:{job.task.environment.id.partition(':')[2]}")
        return job


class Progress(Value):
    """How far a running training is, read from its files."""

    step: int = 0
    seconds: float = 0.0
    evaluation: EvaluationPoint | None = None


def progress_event(candidate: str, job: TrainJob, progress: Progress) -> TrainingProgressed:
    """The progress of a training as an event."""
    return TrainingProgressed(
        candidate=candidate,
        seed=job.seed_index,
        step=progress.step,
        total_steps=job.steps,
        until=job.until if job.until is not None and job.until < job.steps else None,
        evaluation=progress.evaluation,
    )


def read_progress(folder: Path) -> Progress:
    """The newest lines of ``progress.csv`` and ``eval.csv``; zeros before the first."""
    progress = _last_row(folder / "progress.csv")
    evaluation = _last_row(folder / "eval.csv")
    return Progress(
        step=int(progress["step"]) if progress else 0,
        seconds=float(progress["seconds"]) if progress else 0.0,
        evaluation=EvaluationPoint.model_validate(evaluation) if evaluation else None,
    )


def _last_row(path: Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return rows[-1] if rows else None


class TableWriter:
    """Appends rows to a CSV file and flushes each, so that a reader sees whole lines while training runs."""

    def __init__(self, path: Path, columns: tuple[str, ...], rows: Iterable[Iterable[object]] = ()) -> None:
        """
        :param rows: rows that a continued training has written before; all other rows in the file are dropped.
        """
        head = io.StringIO(newline="")
        csv.writer(head).writerows([columns, *rows])
        write_text(path, head.getvalue())
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def write(self, row: tuple[object, ...]) -> None:
        """Append one row."""
        self._writer.writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def term_rows(step: int, statistics: dict[str, tuple[float, float, float, float]]) -> list[tuple[object, ...]]:
    """Rows of ``terms.csv`` for one point of training."""
    return [
        (step, name, f"{low:.6g}", f"{mean:.6g}", f"{high:.6g}", f"{share:.4f}")
        for name, (low, mean, high, share) in statistics.items()
    ]


def collect_terms(
    names: tuple[str, ...], points: list[dict[str, tuple[float, float, float, float]]]
) -> tuple[TermStatistics, ...]:
    """One record per term, from the statistics of each point of training."""
    return tuple(
        TermStatistics(
            name=name,
            minimum=tuple(point[name][0] for point in points),
            mean=tuple(point[name][1] for point in points),
            maximum=tuple(point[name][2] for point in points),
            share=tuple(point[name][3] for point in points),
        )
        for name in names
    )
