"""Where trainings run: one worker process each, at most ``jobs`` at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Protocol

from reward_synth.training.job import Progress, TrainJob, outcome_of, read_progress, write_result
from reward_synth.training.stage import cause
from reward_synth.types import TrainResult

OnProgress = Callable[[TrainJob, Progress], None]
OnResult = Callable[[TrainJob, TrainResult], None]
POLL_SECONDS = 0.25


class Executor(Protocol):
    """Runs training jobs to their ``result.json``, or to the pause that they ask for."""

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """Run all jobs to ``until``, or to the end; what has come that far already is reported from its files.

        Each job is reported once to ``on_result``, with status ``paused`` where it stands at ``until``. Where
        ``should_stop`` turns true, running workers end without a result, so that a resumed run goes on from their
        last pauses, and the call returns.
        """
        ...


class LocalExecutor:
    """Worker processes on this machine."""

    def __init__(self, jobs: int) -> None:
        self._slots = max(1, jobs)

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """See :class:`Executor`."""
        waiting = []
        for job in jobs:
            finished = outcome_of(job)
            if finished is None:
                waiting.append(job)
            else:
                on_result(job, finished)
        running: list[_Worker] = []
        try:
            while (waiting or running) and not should_stop():
                while waiting and len(running) < self._slots:
                    running.append(_Worker(waiting.pop(0)))
                time.sleep(POLL_SECONDS)
                for worker in list(running):
                    if worker.alive:
                        on_progress(worker.job, read_progress(worker.job.folder))
                    else:
                        running.remove(worker)
                        on_result(worker.job, worker.result())
        finally:
            for worker in running:
                worker.kill()


class _Worker:
    """One running training."""

    def __init__(self, job: TrainJob) -> None:
        self.job = job
        path = job.write().resolve()
        self._stderr: IO[bytes] = (job.folder / "stderr.txt").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "reward_synth.training.worker", str(path), str(os.getpid())],
            env=worker_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def result(self) -> TrainResult:
        """The written outcome; a worker that died without one is a crashed training, and that is written down."""
        self._stderr.close()
        result = outcome_of(self.job)
        if result is not None:
            return result
        died = f"the training worker died with {cause(self._process.returncode)}"
        result = TrainResult(
            status="crashed",
            reason=f"{died}; see {Path(self._stderr.name).name}",
            seed=self.job.seed,
            steps=read_progress(self.job.folder).step,
            seconds=0.0,
            cpu_seconds=0.0,
        )
        write_result(self.job, result)
        return result

    def kill(self) -> None:
        """End the worker and its stages at once; the processes with generated code end with their pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._stderr.close()


def worker_environment() -> dict[str, str]:
    """What a worker may know of the environment: where programs are, and one thread per library. No key."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "MUJOCO_GL") if name in os.environ}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    return kept | threads
