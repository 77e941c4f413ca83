"""The worker host: ``python -I -m reward_synth.training.worker.fork_server PARENT``.

A worker that starts from nothing spends about five seconds of processor time on loading libraries, for itself and its
stages, and again at every rung. That is half of a short training. The host loads the libraries once and forks a worker
for each job. It runs neither reward code nor a job itself, so each worker starts from the same untouched process. A
worker forks its stages in the same way, and each of them then locks itself as if it had been started alone.

This works on Linux only. Elsewhere a process that has loaded these libraries cannot be forked safely.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from reward_synth.core.deaths import MEMORY, cause, tried_again
from reward_synth.core.errors import MachineFault
from reward_synth.core.types import Value
from reward_synth.training.worker import subprocess_stage as stage
from reward_synth.training.worker.line import Line
from reward_synth.training.worker.subprocess_stage import stay_with

POLL_SECONDS = 0.02


class Start(Value):
    """To the host: start a worker."""

    job: Path
    stderr: Path


class Report(Value):
    """From the host: a worker has started, or ended."""

    pid: int
    code: int | None = None
    """Its return code, negative for a signal; None for one that has started."""


class Forked:
    """A worker that a host has started, with the part of :class:`subprocess.Popen` that is needed."""

    def __init__(self, host: WorkerHost, pid: int) -> None:
        self._host = host
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The return code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._host.ended(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the return code.

        :raises subprocess.TimeoutExpired: it runs for longer than this.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0)
            time.sleep(POLL_SECONDS)
        return code


class WorkerHost:
    """The parent's end of a host, which is started with the first worker and ends with this process.

    :param environment: all the environment variables of the host and its workers.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line[Report]
        self._ended: dict[int, int] = {}
        self._running: set[int] = set()

    def start(self, job: Path, stderr: Path) -> Forked:
        """Start a worker for the job file, in a session and a process group of its own.

        :raises MachineFault: the host dies before it has started the worker, and so do those that follow it.
        """
        return tried_again(lambda: self._started(job, stderr))

    def _started(self, job: Path, stderr: Path) -> Forked:
        if self._process is None or self._process.poll() is not None:
            self._process = self._start_host()
        try:
            self._line.tell(Start(job=job, stderr=stderr))
            while not (started := self._hear(None)):
                pass
        except (BrokenPipeError, EOFError):
            died = cause(self._process.wait())
            raise MachineFault(f"the worker host died with {died}", MEMORY) from None
        return Forked(self, started[0])

    def ended(self, pid: int) -> int | None:
        """That worker's return code, negative for a signal; None while it runs."""
        assert self._process is not None
        # A worker ends with its host, which can then no longer report it.
        died = self._process.poll() is not None
        with contextlib.suppress(EOFError):
            self._hear(0.0)
        return self._ended.get(pid, -signal.SIGKILL if died else None)

    def close(self) -> None:
        """End the host, and with it every worker."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start_host(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "reward_synth.training.worker.fork_server", str(os.getpid())],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        # The workers of the host before this one ended with it.
        self._ended |= dict.fromkeys(self._running, -signal.SIGKILL)
        self._running.clear()
        self._line = Line(Report, process.stdout.fileno(), process.stdin.fileno())
        return process

    def _hear(self, seconds: float | None) -> list[int]:
        """Keep what the host reports within this time, and return the workers that it has started."""
        started = []
        for report in self._line.heard(seconds):
            if report.code is None:
                started.append(report.pid)
                self._running.add(report.pid)
                self._ended.pop(report.pid, None)  # An earlier worker may have had the same number.
            else:
                self._ended[report.pid] = report.code
                self._running.discard(report.pid)
        return started


def main(arguments: Sequence[str]) -> int:
    """Serve until the parent ends or closes the pipe."""
    stay_with(int(arguments[0]))
    stage.show_as("worker host")
    _load()
    stage.preloaded = True
    # Forks share these objects. The garbage collector ignores frozen objects, so their memory pages stay shared.
    gc.freeze()
    line = Line(Start, 0, 1)
    signal.signal(signal.SIGCHLD, lambda *_: _reap(line))
    with contextlib.suppress(EOFError):
        while True:
            for start in line.heard():
                line.tell(Report(pid=_fork_worker(start)))
    return 0


def _load() -> None:
    """Import what workers and their stages use. torch loads half of itself only when it makes an optimiser."""
    for module in ("training.worker.trainer", "training.loop.learning", "training.worker.evaluator"):
        importlib.import_module(f"reward_synth.{module}")
    for module in ("torch._dynamo", "gymnasium.envs.mujoco.mujoco_env"):
        importlib.import_module(module)


def _fork_worker(start: Start) -> int:
    host, pid = os.getpid(), os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    stage.show_as("worker")
    nowhere = os.open(os.devnull, os.O_RDWR)
    errors = os.open(start.stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for end, target in ((nowhere, 0), (nowhere, 1), (errors, 2)):
        os.dup2(end, target)
    # Close what was opened just now, and what the host holds besides its pipes.
    os.closerange(3, 256)
    from reward_synth.training.worker import main as worker

    stage.end_with(lambda: worker.main([str(start.job), str(host)]))


def _reap(line: Line[Start]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            line.tell(Report(pid=pid, code=os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
