"""Trains jobs on a Ray cluster: ``python -I -m reward_synth.executors.ray.broker``, a process of its own.

Ray listens on the network and unpickles what it receives, so anybody who can connect to a cluster can run code in its
processes. Therefore only this process talks to Ray, and not the loop. It has no key, few environment variables, and an
empty working folder (Ray puts that folder first on the path of its workers). It takes orders from the loop and ends
with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.files import held
from reward_synth.core.machine import WORKER_MEMORY
from reward_synth.core.waiting import Deadline
from reward_synth.executors.base import Deaths, crash
from reward_synth.executors.ray.actor import Errand, Look, Seat
from reward_synth.executors.ray.archive import UnfitFile, check_episodes, show_curves, unpack
from reward_synth.executors.ray.protocol import Event, Order
from reward_synth.state.episode import episode_paths
from reward_synth.store.manifest import versions
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import Interruption, outcome_of
from reward_synth.training.worker.line import Line
from reward_synth.training.worker.subprocess_stage import stay_with

LOOK_SECONDS, LONGEST_LOOK_SECONDS = 1.0, 5.0
"""Seconds between two answers of a seat. It is more with over 100 seats, since one process handles all answers."""
WAIT_SECONDS = 0.2
LEAVE_SECONDS = 7.0
"""Time that seats have to end their calls and trainings, one that starts included, before Ray ends the seats."""
REACH_SECONDS = 5.0
NO_ROOM_SECONDS = 300.0
"""How long to wait until the cluster has a node that can hold a training."""
OBJECT_STORE = 512 << 20


def main(arguments: Sequence[str]) -> int:
    """Serve until the loop closes the pipe.

    :param arguments: the cluster's address, empty to start one here; its cores; trainings at the same time, 0 for as
        many as the cluster has room for; a folder for Ray's files; the loop's process id.
    """
    address, cores, most, folder, parent = arguments
    stay_with(int(parent))
    _end_together()
    line = _claim_pipes()
    try:
        with _connected(address, int(cores), Path(folder)):
            line.tell(Event(kind="ready"))
            Crew(line, int(most)).work()
    except RewardSynthError as error:
        fault = isinstance(error, MachineFault)
        line.tell(Event(kind="failed", message=error.message, hint=error.hint, fault=fault))
        return 2
    except BrokenPipeError:
        pass  # The loop is gone.
    return 0


def _end_together() -> None:
    """Let a fork end what is left of this process's group when this process is gone, even if it was killed.

    Ray's agents look for their parents only now and then.
    """
    if os.getpgid(0) != os.getpid():
        return  # The group is somebody else's.
    reading, writing = os.pipe()  # The other end closes with this process.
    if os.fork():
        os.close(reading)
        return
    for descriptor in (0, 1, writing):
        os.close(descriptor)
    os.read(reading, 1)
    os.killpg(0, signal.SIGKILL)


def _claim_pipes() -> Line[Order]:
    """Keep stdin and stdout for the protocol: whatever Ray or its processes print goes to stderr."""
    line = Line(Order, os.dup(0), os.dup(1))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return line


@contextmanager
def _connected(address: str, cores: int, folder: Path) -> Iterator[None]:
    """A connection to the cluster.

    :raises RewardSynthError: it cannot be reached, or has another version.
    """
    options: dict[str, Any] = {"address": address}
    if not address:
        options = {
            "address": "local",
            "num_cpus": cores,
            "_memory": cores * WORKER_MEMORY,
            "object_store_memory": OBJECT_STORE,
            "include_dashboard": False,
            "_temp_dir": str(folder),
        }
    elif address != "auto":
        _reach(address)
    try:
        ray.init(log_to_driver=False, logging_level="error", **options)
    except (RayError, OSError, RuntimeError, ValueError) as error:
        where = f"connect to Ray at {address}" if address else "start Ray on this machine"
        raise RewardSynthError(f"cannot {where}: {_in_short(error)}", _HINT) from error
    try:
        yield
    finally:
        ray.shutdown()


_HINT = "is it up (`ray status`), and of the same Ray and Python versions? Unset RAY_ADDRESS for a cluster of its own"


def _reach(address: str) -> None:
    """Check an address first, because Ray itself would try it for more than two minutes."""
    host, colon, port = address.rpartition(":")
    if "://" in address or not colon or not port.isdecimal():
        raise RewardSynthError(
            f"RAY_ADDRESS={address} is no address that can be used",
            "give HOST:PORT of the cluster's head, or auto, and run reward-synth on a node of the cluster",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise RewardSynthError(f"nothing answers at RAY_ADDRESS={address}: {error}", _HINT) from error


_LOST = "look at `ray status`"


class _Task:
    """A job, and its seat, if it has one."""

    def __init__(self, job: TrainJob) -> None:
        self.job = job
        self.seat: Any = None
        self.answer: Any = None
        """Reference to the seat's present call."""
        self.begun = False


class Crew:
    """Manages the seats on the nodes: it gives them jobs, reads their answers, and replaces lost seats."""

    def __init__(self, line: Line[Order], most: int) -> None:
        """
        :param most: trainings at the same time; 0: as many as the cluster has room for.
        """
        self._line, self._most = line, most
        # Ray must not restart a lost seat: its folder is lost too, so the job must be packed again. Nor does it retry,
        # since it does not know of checkpoints.
        self._make = ray.remote(num_cpus=1, memory=WORKER_MEMORY, max_restarts=0, max_task_retries=0)(Seat).remote
        self._waiting: list[_Task] = []
        self._seated: list[_Task] = []
        self._deaths = Deaths(_LOST)
        self._slots, self._counted, self._no_room = 0, -1.0, Deadline(NO_ROOM_SECONDS)

    def work(self) -> None:
        """Follow orders until the line is closed. Afterwards no training runs.

        :raises MachineFault: the same training was lost again and again; the others have gone on to their end.
        :raises RewardSynthError: no node can hold a training, a node runs other versions, or the disk is full.
        """
        try:
            while True:
                for order in self._line.heard(0.0 if self._seated else WAIT_SECONDS):
                    if order.kind == "stop":
                        self.end()
                        self._line.tell(Event(kind="stopped"))
                    self._waiting += [_Task(job) for job in order.jobs]
                if self._deaths.too_many and not self._seated:
                    self._deaths.tell()
                self._fill()
                self._hear()
        except EOFError:
            return
        finally:
            self.end()

    def end(self) -> None:
        """End all trainings with their processes, and forget the waiting jobs."""
        # A seat that has not begun is asked as well: its worker may run although it has not said so yet.
        leaving = [task.seat.leave.remote() for task in self._seated]
        if leaving:
            ray.wait(leaving, num_returns=len(leaving), timeout=LEAVE_SECONDS)
        for task in self._seated:
            # If a seat did not answer, its worker ends with the process that started it.
            self._dismiss(task)
        self._seated.clear()
        self._waiting.clear()
        self._deaths = Deaths(_LOST)

    def _fill(self) -> None:
        while self._waiting and not self._deaths.too_many and len(self._seated) < self._room():
            task = self._waiting.pop(0)
            # A seat that is lost leaves no word of its own, and must not be taken for the one before it.
            Interruption.path(task.job.folder).unlink(missing_ok=True)
            task.job.write()
            try:
                errand = Errand.of(task.job)
            except UnfitFile as error:
                self._crash(task, error.message)
                continue
            task.seat, task.begun = self._make(), False
            task.answer = task.seat.begin.remote(errand)
            self._seated.append(task)

    def _room(self) -> int:
        now = time.monotonic()
        if now - self._counted > LOOK_SECONDS:
            self._slots = sum(_slots(node["Resources"]) for node in ray.nodes() if node["Alive"])
            self._counted = now
        if self._slots or self._seated:
            self._no_room = Deadline(NO_ROOM_SECONDS)
        elif not self._no_room.wait():
            raise RewardSynthError(
                f"for {NO_ROOM_SECONDS / 60:.0f} minutes no node of the Ray cluster could hold a training: it takes "
                f"1 CPU and {WORKER_MEMORY >> 20} MiB of memory",
                "look at `ray status`; a node's memory is what `ray start --memory` says",
            )
        return self._most or self._slots

    def _hear(self) -> None:
        if not self._seated:
            return
        seconds = min(max(LOOK_SECONDS, len(self._seated) / 100), LONGEST_LOOK_SECONDS)
        tasks = {task.answer: task for task in self._seated}
        # Take all answers of this interval at once, since there may be a thousand seats.
        answered, _ = ray.wait(list(tasks), num_returns=len(tasks), timeout=WAIT_SECONDS)
        for reference in answered:
            task = tasks[reference]
            try:
                answer = ray.get(reference)
            except RayError as error:
                self._lose(task, _in_short(error))
                continue
            if not task.begun:
                _same_versions(answer)
                task.begun = True
            elif answer.done:
                self._take(task, answer)
                continue
            elif answer.files:
                with held(task.job.folder):
                    show_curves(answer.files, task.job.folder)
                self._line.tell(Event(kind="seen", folder=task.job.folder))
            task.answer = task.seat.look.remote(seconds)

    def _take(self, task: _Task, look: Look) -> None:
        """Write all files that a training left, as if it had run here."""
        with held(task.job.folder):
            self._take_in(task, look)

    def _take_in(self, task: _Task, look: Look) -> None:
        job = task.job
        files = {name: content for name, content in look.files.items() if name != "job.json"}
        try:
            check_episodes(look.trajectories, job.seed_index)
            # An earlier evaluation, of another job, may have left more episodes.
            for path in episode_paths(job.trajectories, job.seed_index):
                path.unlink()
            unpack(look.trajectories, job.trajectories)
            unpack(files, job.folder)
        except UnfitFile as error:
            self._crash(task, error.message)
            return
        for path in job.folder.iterdir():
            if path.name not in files and path.name != "job.json" and path.is_file():
                path.unlink()
        if outcome_of(job) is None:
            self._lose(task, "its node sent no outcome")
            return
        self._done(task)

    def _lose(self, task: _Task, why: str) -> None:
        """Put the job of a lost seat first in the queue; the next seat continues from the last rung's checkpoint."""
        self._dismiss(task)
        self._seated.remove(task)
        if self._deaths.again(task.job, why):
            self._waiting.insert(0, task)

    def _crash(self, task: _Task, reason: str) -> None:
        crash(task.job, reason)
        self._done(task)

    def _done(self, task: _Task) -> None:
        if task in self._seated:
            self._dismiss(task)
            self._seated.remove(task)
        self._line.tell(Event(kind="done", folder=task.job.folder))

    @staticmethod
    def _dismiss(task: _Task) -> None:
        with contextlib.suppress(RayError):
            ray.kill(task.seat, no_restart=True)


def _slots(resources: dict[str, float]) -> int:
    """Number of trainings that a node can hold."""
    return int(min(resources.get("CPU", 0), resources.get("memory", 0) // WORKER_MEMORY))


def _same_versions(theirs: dict[str, str]) -> None:
    """Refuse a node with other versions: results can be compared only if the same programs computed them."""
    ours = versions()
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise RewardSynthError(
                f"a node has {name} {theirs.get(name, 'not at all')}, this machine {ours.get(name, 'not at all')}",
                "install the same versions everywhere: pip install -c requirements.lock 'reward-synth[ray]'",
            )


def _in_short(error: BaseException) -> str:
    """One line about an error. For an error on a node it is the last line, below the traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if isinstance(error, RayTaskError) else lines[0])[:300]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
