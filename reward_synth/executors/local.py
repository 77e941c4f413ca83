"""Trainings on this machine, each in a worker process of its own. Nodes of a Ray cluster use the same workers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from reward_synth.core.deaths import cause
from reward_synth.executors.base import (
    POLL_SECONDS,
    Deaths,
    OnProgress,
    OnResult,
    take_finished,
    worker_environment,
)
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.outcomes import outcome_of
from reward_synth.training.worker.fork_server import Forked, WorkerHost


class LocalExecutor:
    """Worker processes on this machine."""

    def __init__(self, jobs: int) -> None:
        self._slots = max(1, jobs)
        self._host = WorkerHost(worker_environment()) if sys.platform == "linux" else None

    def close(self) -> None:
        """End the worker host."""
        if self._host is not None:
            self._host.close()

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """See :class:`Executor`."""
        waiting = take_finished(jobs, on_result)
        running: list[WorkerProcess] = []
        deaths = Deaths()
        try:
            while (running or (waiting and not deaths.too_many)) and not should_stop():
                while waiting and len(running) < self._slots and not deaths.too_many:
                    running.append(WorkerProcess(waiting.pop(0), self._host))
                time.sleep(POLL_SECONDS)
                for worker in list(running):
                    if worker.alive:
                        on_progress(worker.job, read_progress(worker.job.folder))
                    else:
                        running.remove(worker)
                        died = worker.died()
                        if (result := outcome_of(worker.job)) is not None:
                            on_result(worker.job, result)
                        elif deaths.again(worker.job, died):
                            waiting.append(worker.job)
        finally:
            for worker in running:
                worker.kill()
        deaths.tell()


class WorkerProcess:
    """One running training. It ends with the thread that started it, or with its host.

    :param host: forks the worker with the libraries loaded; None starts a new Python process.
    """

    def __init__(self, job: TrainJob, host: WorkerHost | None = None) -> None:
        self.job = job
        path = job.write().resolve()
        self._stderr = job.folder / "stderr.txt"
        if host is not None:
            self._process: Forked | subprocess.Popen[bytes] = host.start(path, self._stderr.resolve())
            return
        with self._stderr.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "reward_synth.training.worker.main", str(path), str(os.getpid())],
                env=worker_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """True until the worker has ended."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> bool:
        """Wait at most this long for the worker's end; True if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.alive

    def died(self) -> str:
        """How it ended, in words, and the end of whatever it left running."""
        code = self._process.wait()
        self.kill()
        return f"the training worker died with {cause(code)}"

    def kill(self) -> None:
        """Kill the worker and its stages. The processes with generated code end when their pipes close."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
