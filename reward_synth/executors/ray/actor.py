"""What runs on a node: one training, in the same worker process and behind the same locks as on the loop's machine.

A seat is a Ray actor. It trains in a temporary folder of its own and returns all files.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from reward_synth.core.scratch import Scratch
from reward_synth.executors.base import crash
from reward_synth.executors.local import WorkerProcess
from reward_synth.executors.ray.archive import CURVES, STAYS, Files, UnfitFile, pack, read_plain
from reward_synth.store.manifest import versions
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import Interruption, outcome_of

LARGEST_CURVE = 16 << 20
"""Largest curve file, in bytes, that is sent while the training runs."""


@dataclass(frozen=True)
class Errand:
    """A job on its way to a node: everything that it needs, as text and bytes."""

    job: str
    """``job.json``, with the folders of the machine that it comes from."""
    reward: bytes
    files: Files
    """The training folder, if the training ran before: its checkpoint and curves."""

    @classmethod
    def of(cls, job: TrainJob) -> Errand:
        """Pack a job.

        :raises UnfitFile: its folder holds a file that no training writes.
        """
        return cls(job.located().model_dump_json(), job.reward.read_bytes(), pack(job.folder, without=STAYS))


@dataclass(frozen=True)
class Look:
    """The state of a training as its seat reports it."""

    done: bool
    files: Files = field(default_factory=dict)
    """The curves that have changed; when the training is done, all files but ``job.json``."""
    trajectories: Files = field(default_factory=dict)


class Seat:
    """Trains one job. All its methods run in one thread, since the worker ends with the thread that started it."""

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._folder = self._scratch.path
        self._worker: WorkerProcess | None = None
        self._seen: dict[str, tuple[int, int]] = {}

    def begin(self, errand: Errand) -> dict[str, str]:
        """Start the worker; returns this node's versions of everything that decides a training's outcome."""
        job = TrainJob.parse(errand.job)
        job = job.model_copy(
            update={
                "reward": self._folder / "reward.py",
                "folder": self._folder / "train",
                "trajectories": self._folder / "trajectories",
            }
        )
        job.reward.write_bytes(errand.reward)
        job.folder.mkdir()
        for name, content in errand.files.items():
            (job.folder / name).write_bytes(content)
        self._worker = WorkerProcess(job)
        return versions()

    def look(self, seconds: float) -> Look:
        """Wait at most this long for the training's end, and report its state.

        When the training is done, its folder is removed. Then this method must not be called again.
        """
        assert self._worker is not None
        job = self._worker.job
        if not self._worker.wait(seconds):
            return Look(done=False, files=self._changed_curves(job.folder))
        died = self._worker.died()
        if outcome_of(job) is None and Interruption.read(job.folder) is None:
            Interruption(reason=died).write(job.folder)
        try:
            look = Look(True, pack(job.folder, without=frozenset({"job.json"})), pack(job.trajectories))
        except UnfitFile as error:
            look = self._refused(job, error.message)
        self.leave()
        return look

    def leave(self) -> None:
        """End the training, if it runs, and remove its folder."""
        if self._worker is not None and self._worker.alive:
            self._worker.kill()
        self._scratch.remove()

    def _changed_curves(self, folder: Path) -> Files:
        files: Files = {}
        for name in CURVES:
            try:
                found = (folder / name).lstat()
                now = (found.st_mtime_ns, found.st_size)
                if self._seen.get(name) != now:
                    files[name] = read_plain(folder / name, LARGEST_CURVE)
                    self._seen[name] = now
            except (FileNotFoundError, UnfitFile):
                continue  # Its files are checked when the training ends.
        return files

    def _refused(self, job: TrainJob, reason: str) -> Look:
        """Report only a crash, because the folder's files must not be sent."""
        for entry in job.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
        crash(job, reason)
        return Look(True, pack(job.folder, without=frozenset({"job.json"})))
