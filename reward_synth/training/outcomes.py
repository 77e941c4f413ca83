"""The outcomes of a training and its stages. Each is a file, written last and atomically, that belongs to one job."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from reward_synth.core.files import make_folder, refuse_links, write_bytes, write_text
from reward_synth.core.types import EpisodeScore, EvaluationPoint, TermStatistics, TrainResult, Value
from reward_synth.training.job import TrainJob


class _Outcome(Value):
    """The outcome of one stage, which is the last file that the stage writes."""

    status: Literal["done", "crashed", "interrupted"] = "done"
    """``interrupted``: this machine kept it from its end, which says nothing of the reward."""
    reason: str = ""
    """Why it crashed, was interrupted or ended early, in words."""

    @classmethod
    def path(cls, folder: Path) -> Path:
        """The outcome's file in a training folder."""
        raise NotImplementedError

    def write(self, folder: Path) -> None:
        """Write it whole or not at all."""
        write_text(self.path(folder), json.dumps(self.model_dump(mode="json"), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The outcome in a training folder; None if there is none, or if it cannot be parsed."""
        try:
            return cls.model_validate_json(cls.path(folder).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None


class Training(_Outcome):
    """``training.json``: the trainer's outcome, besides the policy."""

    job: str = ""
    """Digest of the job that was trained. A changed job is trained again from the start."""
    solved: bool = False
    """True if it ended early because as many episodes as in a final evaluation showed that the task is solved."""
    paused: bool = False
    """True if it stands at the job's ``until`` and can continue from its checkpoint."""
    steps: int = 0
    """Environment steps since the start of the training, not of this process."""
    seconds: float = 0.0
    """Wall time of the trainer, including its start."""
    cpu_seconds: float = 0.0
    """Processor time of the trainer and of the reward process."""
    evaluations: tuple[EvaluationPoint, ...] = ()
    terms: tuple[TermStatistics, ...] = ()
    dense_sums: tuple[float, float] | None = None
    """See :class:`TrainResult`."""

    @classmethod
    def path(cls, folder: Path) -> Path:
        """``training.json``."""
        return folder / "training.json"


class RungEnd(Training):
    """``rung.json``: where a training is paused. Its times are those of all workers so far, starts included."""

    @classmethod
    def path(cls, folder: Path) -> Path:
        """``rung.json``."""
        return folder / "rung.json"

    @classmethod
    def of(cls, job: TrainJob) -> RungEnd | None:
        """The newest pause of this very job that can be continued or evaluated; None if there is none."""
        found = cls.read(job.folder)
        if found is None or not (job.policy_path.exists() and job.checkpoint_path.exists()):
            return None
        return found if found.job == job.digest() else None

    def as_result(self, job: TrainJob) -> TrainResult:
        """The pause as the result that an executor reports."""
        return TrainResult(
            status="paused",
            seed=job.seed,
            steps=self.steps,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            evaluations=self.evaluations,
            terms=self.terms,
            dense_sums=self.dense_sums,
        )


def best_point(evaluations: Sequence[EvaluationPoint]) -> EvaluationPoint | None:
    """The evaluation with the highest success, then fitness; of equal ones the latest. None if there is none."""
    return max(reversed(evaluations), key=lambda each: (each.success, each.fitness), default=None)


def lost_again(evaluations: Sequence[EvaluationPoint]) -> bool:
    """True if the last evaluation is clearly worse than the best one."""
    best = best_point(evaluations)
    return best is not None and clearly_better(best, evaluations[-1])


def clearly_better(point: EvaluationPoint, other: EvaluationPoint) -> bool:
    """True if success is higher, or equal while fitness is higher by more than its deviation between episodes."""
    more = point.fitness - other.fitness > max(point.fitness_deviation, other.fitness_deviation)
    return point.success > other.success or (point.success == other.success and more)


class FinalEvaluation(_Outcome):
    """``episodes.json``: the task's verdicts on the trained policy's episodes."""

    episodes: tuple[EpisodeScore, ...] = ()
    policy: Literal["last", "best"] = "last"
    """See :class:`TrainResult`."""

    @classmethod
    def path(cls, folder: Path) -> Path:
        """``episodes.json``."""
        return folder / "episodes.json"


class Interruption(_Outcome):
    """``interrupted.json``: a stage ended from outside. It is no result, and the job is tried again."""

    status: Literal["done", "crashed", "interrupted"] = "interrupted"

    @classmethod
    def path(cls, folder: Path) -> Path:
        """``interrupted.json``."""
        return folder / "interrupted.json"


def write_result(job: TrainJob, result: TrainResult) -> None:
    """Write ``result.json`` so that it is either absent or whole."""
    write_text(job.result_path, json.dumps(json.loads(result.model_dump_json()), indent=1) + "\n")


def read_result(folder: Path) -> TrainResult | None:
    """The result in a training folder; None while there is none, or if it cannot be read: then it is made again."""
    try:
        return TrainResult.model_validate_json((folder / "result.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def outcome_of(job: TrainJob) -> TrainResult | None:
    """The job's outcome, if it is done: its result, or the pause that it asks for; else None."""
    finished = read_result(job.folder)
    if finished is not None and not finished.belongs_to(job.digest()):
        finished = None
    if finished is not None or job.until is None or job.end:
        return finished
    paused = RungEnd.of(job)
    return paused.as_result(job) if paused is not None and paused.steps >= job.until else None


EARLIER = "earlier"
"""Folder in a training's folder with the results of other jobs, each under the start of its digest."""


def set_aside_stale(job: TrainJob) -> Path | None:
    """Move a result of another job, with another reward, task, preset, budget or seed, to a subfolder.

    The files from which a longer training of the same lineage continues stay where they are.

    :return: the subfolder; None if there was no such result.
    :raises RewardSynthError: the folder holds a link. A hostile training may have left it, to have files moved to the
        place where it leads.
    """
    found = read_result(job.folder)
    if found is None or found.belongs_to(job.digest()):
        return None
    refuse_links(job.folder)
    place = job.folder / EARLIER / (re.sub("[^0-9a-f]", "", found.job)[:12] or "unknown")
    make_folder(place)
    # A longer training compares its policies with the best one so far, so that one must stay.
    if job.policy_path.exists() and job.checkpoint_path.exists():
        write_bytes(place / job.policy_path.name, job.policy_path.read_bytes())
        job.policy_path.replace(job.best_policy_path)
    goes_on = {path.name for path in (job.checkpoint_path, job.best_policy_path, job.evaluations_path)}
    kept = {*goes_on, "progress.csv", "rung.json", EARLIER, job.reward.name}
    # The result moves last: as long as it is here, the next call completes one that was interrupted.
    for path in sorted(job.folder.iterdir(), key=lambda path: path == job.result_path):
        if path.name in kept or path == job.reward:
            continue
        target = place / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    return place
