"""Trainings on a Ray cluster: the one at ``RAY_ADDRESS``, or one that is started on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reward_synth.core import machine
from reward_synth.core.deaths import ATTEMPTS, cause
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.scratch import Scratch
from reward_synth.core.waiting import Deadline
from reward_synth.executors.base import POLL_SECONDS, OnProgress, OnResult, take_finished, worker_environment
from reward_synth.executors.ray.protocol import Event, Order
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.outcomes import outcome_of
from reward_synth.training.worker.line import Line

START_SECONDS = 60.0
"""Time for a cluster to answer, or to start on this machine."""
STOP_SECONDS = 15.0

_log = logging.getLogger(__name__)

_NOT_PASSED_ON = frozenset({"RAY_ADDRESS", "RAY_RUNTIME_ENV_HOOK", "RAY_JOB_CONFIG_JSON_ENV_VAR"})
"""With the last two, Ray would send the loop's environment, or its working folder with ``.env``, to the nodes."""


def require_ray() -> None:
    """Make sure that Ray is installed, without loading it.

    :raises RewardSynthError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise RewardSynthError(
            "the executor 'ray' needs Ray, which is not installed", 'pip install "reward-synth[ray]"'
        )


class BrokerDied(MachineFault):
    """The broker ended without a word: it was killed, or lost its cluster."""


class RayExecutor:
    """Trains jobs on a cluster, through a broker: a process without keys, and the only one that talks to Ray.

    The broker keeps the jobs' folders on this machine up to date, so that in the end they look like those of a local
    run. Like any worker, it ends with the thread that started it.
    """

    def __init__(self, jobs: int | None) -> None:
        """
        :param jobs: trainings at the same time; None: as many as the cluster has room for.
        :raises RewardSynthError: Ray is not installed, or the cluster cannot be reached.
        """
        require_ray()
        self._jobs = jobs
        self._start()

    def _start(self) -> None:
        address = os.environ.get("RAY_ADDRESS", "")
        address = "" if address == "local" else address
        # TMPDIR may be a long path, and Ray makes sockets in the folder, whose paths may have at most 107 bytes.
        self._scratch = Scratch(Path("/tmp"))
        folder = self._scratch.path
        self._stderr = folder / "broker.txt"
        cores = self._jobs or machine.workers()
        arguments = [address, str(cores), str(self._jobs or 0), str(folder), str(os.getpid())]
        empty = folder / "empty"
        empty.mkdir()
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "reward_synth.executors.ray.broker", *arguments],
                env=broker_environment(own_cluster=not address),
                cwd=empty,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._line = Line(Event, self._process.stdout.fileno(), self._process.stdin.fileno())
        try:
            self._await("ready", START_SECONDS, f"Ray does not answer at {address}" if address else "Ray did not start")
        except BaseException:
            self.close()
            raise

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """See :class:`~reward_synth.executors.base.Executor`.

        :raises RewardSynthError: the cluster is gone, has no room, or runs other versions.
        """
        waiting = {job.folder: job for job in take_finished(jobs, on_result)}
        deaths = 0
        while waiting:
            try:
                self._train(waiting, on_progress, on_result, should_stop)
                return  # Who stopped it is not asked again: the answer may be another one by now.
            except BrokerDied as died:
                deaths += 1
                if deaths == ATTEMPTS:
                    raise
                if should_stop():
                    return
                _log.warning("%s: it is started again", died.message)
                self.close()
                self._start()

    def _train(
        self,
        waiting: dict[Path, TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """Train what waits, and remove what is done from it."""
        self._tell(Order(kind="train", jobs=tuple(waiting.values())))
        try:
            while waiting and not should_stop():
                for event in self._heard(POLL_SECONDS):
                    job = waiting.get(event.folder) if event.folder is not None else None
                    if job is None:
                        continue
                    if event.kind == "seen":
                        on_progress(job, read_progress(job.folder))
                    elif event.kind == "done":
                        del waiting[job.folder]
                        result = outcome_of(job)
                        if result is None:
                            raise MachineFault(f"the result of {job.folder} is gone", "resume: it is trained again")
                        on_result(job, result)
        finally:
            if waiting:
                self._stop()

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
        self._scratch.remove()

    def _stop(self) -> None:
        """End all trainings. If the broker does not answer, it is killed, and they end with it."""
        try:
            self._tell(Order(kind="stop"))
            self._await("stopped", STOP_SECONDS, "")
        except RewardSynthError:
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _tell(self, order: Order) -> None:
        try:
            self._line.tell(order)
        except BrokenPipeError:
            raise self._gone() from None

    def _heard(self, seconds: float) -> list[Event]:
        try:
            events = list(self._line.heard(seconds))
        except EOFError:
            raise self._gone() from None
        for event in events:
            if event.kind == "failed":
                raise (MachineFault if event.fault else RewardSynthError)(event.message, event.hint)
        return events

    def _await(self, kind: str, seconds: float, otherwise: str) -> None:
        deadline = Deadline(seconds)
        while deadline.wait():
            if any(event.kind == kind for event in self._heard(POLL_SECONDS)):
                return
        raise RewardSynthError(f"{otherwise} within {seconds:.0f} s", "look at `ray status`, or unset RAY_ADDRESS")

    def _gone(self) -> BrokerDied:
        self._kill()
        said = self._stderr.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = f": {said[-1][:300]}" if said else ""
        return BrokerDied(
            f"the connection to Ray was lost; its process died with {cause(self._process.returncode)}{last}",
            "nothing that was finished is lost: look at `ray status`, and resume",
        )


def broker_environment(*, own_cluster: bool) -> dict[str, str]:
    """The environment variables of the broker and of a cluster that it starts: a worker's and Ray's own, but no key.

    :param own_cluster: True if it starts a cluster. Then only holders of a token that is made here may use it.
    """
    rays = {name: text for name, text in os.environ.items() if name.startswith("RAY_") and name not in _NOT_PASSED_ON}
    fixed = {
        # Otherwise Ray would send the working folder to the nodes if `uv run` started this process.
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": os.environ.get("RAY_USAGE_STATS_ENABLED", "0"),
    }
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)} if own_cluster else {}
    return worker_environment() | rays | fixed | token
