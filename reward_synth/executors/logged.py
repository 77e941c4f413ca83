"""Writes a log of each training that an executor runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reward_synth.core.files import make_folder, refuse_links, write_text
from reward_synth.core.names import LogName
from reward_synth.core.types import TrainResult
from reward_synth.executors.base import Executor, OnProgress, OnResult
from reward_synth.training.job import Progress, TrainJob
from reward_synth.training.logs import (
    Point,
    TrainingLog,
    last_point,
    open_log,
    points_of,
    points_so_far,
    require_log,
)

_FINISHED = "finished"
"""File in the folder of a log that is whole. It names the training's job."""


@dataclass
class _Open:
    log: TrainingLog
    step: int = -1
    """Of the newest point."""

    def write(self, points: Sequence[Point]) -> None:
        new = [point for point in points if point.step > self.step]
        if new:
            self.log.write(new)
            self.step = new[-1].step


class LoggedExecutor:
    """An executor whose trainings are logged in this process, while they run and once they have ended.

    :param root: folder of the run, or of a single training; logs lie in its folder ``logs``.
    :raises RewardSynthError: the package for such a log is missing.
    """

    def __init__(self, executor: Executor, kind: LogName, root: Path) -> None:
        require_log(kind)
        self._executor, self._kind, self._root = executor, kind, root.resolve()
        self._open: dict[Path, _Open] = {}

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """See :class:`Executor`."""

        def progressed(job: TrainJob, progress: Progress) -> None:
            known = self._open[job.folder].step if job.folder in self._open else -1
            if progress.evaluation is not None and progress.evaluation.step > known:
                self._log(job).write(points_so_far(job.folder, job.terms))
            on_progress(job, progress)

        def ended(job: TrainJob, result: TrainResult) -> None:
            self._end(job, result)
            on_result(job, result)

        self._executor.run(jobs, progressed, ended, should_stop)

    def close(self) -> None:
        """See :class:`Executor`."""
        for each in self._open.values():
            each.log.close()
        self._executor.close()

    def _log(self, job: TrainJob) -> _Open:
        if job.folder not in self._open:
            title, folder = log_place(self._root, job)
            refuse_links(self._root)
            make_folder(folder)
            self._open[job.folder] = _Open(open_log(self._kind, folder, title, job))
        return self._open[job.folder]

    def _end(self, job: TrainJob, result: TrainResult) -> None:
        mark = log_place(self._root, job)[1] / _FINISHED
        if job.folder not in self._open and mark.exists() and mark.read_text() == result.job:
            return  # An earlier process wrote it.
        log = self._log(job)
        log.write(list(points_of(result.evaluations, result.terms)))
        if result.status == "paused":
            return
        log.log.write([last_point(result)])
        log.log.close()
        del self._open[job.folder]
        write_text(mark, result.job)


def log_film(kind: LogName, root: Path, job: TrainJob, film: Path) -> None:
    """Add a film to the log of a training that has ended, once."""
    title, folder = log_place(root.resolve(), job)
    mark = folder / f"film-{film.stem}"
    if kind in ("none", "csv") or mark.exists() or not (folder / _FINISHED).exists():
        return
    log = open_log(kind, folder, title, job, goes_on=True)
    log.film(film)
    log.close()
    write_text(mark, film.name)


def log_place(root: Path, job: TrainJob) -> tuple[str, Path]:
    """Title and folder of a training's log: ``003-b-seed-0``, ``final-003-b-seed-0``; ``training`` for a single one."""
    parts = [part for part in job.folder.relative_to(root).parts if part not in ("candidates", "train")]
    title = "-".join(parts) or "training"
    return title, root / "logs" / title
