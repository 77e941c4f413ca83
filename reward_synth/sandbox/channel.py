"""The parent's end of the reward process: start it, exchange frames with a deadline, and say how it died."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from reward_synth.core import machine
from reward_synth.core.deaths import MEMORY, from_outside, tried_again
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.waiting import Deadline
from reward_synth.reward import frames
from reward_synth.sandbox.lock import LAYERS

START_SECONDS = 60.0
"""Time to start Python and numpy, which takes seconds on a busy machine."""
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 7 * 24 * 3600
"""A last resort for a process that nobody ends: normally the deadline of each call limits the time."""
MAXIMUM_VALUES = 1 << 22
COUNTED_EVERY = 1.0
"""Seconds after which the kernel's count of processes that it ended for their memory is read again: it takes 0.2 ms."""
PROGRAM = Path(__file__).with_name("child.py")
"""The program of the reward process."""

NO_LOCK = (
    "generated code runs only on Linux with seccomp (x86_64, aarch64) or on macOS: use a virtual machine there; "
    "`--unsafe-no-sandbox` runs it with all your rights instead"
)

_layers: tuple[str, ...] = LAYERS


def set_protection(layers: Sequence[str] | None) -> None:
    """Choose for this whole process how reward processes are locked from now on.

    :param layers: some of :data:`reward_synth.sandbox.lock.LAYERS`; None takes all. Without ``seccomp``, code that
        escapes the lint has all rights of the user.
    """
    global _layers
    _layers = LAYERS if layers is None else tuple(layers)


@contextmanager
def protected(unsafe: bool = False) -> Iterator[tuple[str, ...]]:
    """Lock all reward processes that are started inside the ``with`` block, and start one to prove it.

    Yields the locks in force, such as ``("limits", "landlock 7", "seccomp")``.

    :param unsafe: limit resources only. Code that escapes the lint then has all rights of the user.
    :raises RewardSynthError: this machine has no lock, or it does not work.
    """
    before = _layers
    set_protection(("limits",) if unsafe else LAYERS)
    try:
        first = tried_again(Channel)
        first.close()
        yield first.protection
    finally:
        set_protection(before)


class Answer(NamedTuple):
    """One validated answer frame."""

    status: str
    line: int | None
    text: str
    values: np.ndarray[Any, np.dtype[np.float64]]


class ChildDied(Exception):
    """The process ended or was ended.

    :param rule: ``deadline``, ``died`` or ``memory``.
    :param message: the cause in words.
    :param from_outside: somebody else ended it, so that nothing follows about the code that it ran.
    """

    def __init__(self, rule: str, message: str, from_outside: bool = False) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.from_outside = from_outside

    def as_fault(self, what: str) -> MachineFault:
        """The death as the error that is tried again, if it came from outside."""
        return MachineFault(f"the process that runs {what} was ended from outside: {self.message}", MEMORY)


def setup_frame(setup: dict[str, Any]) -> bytes:
    """The request that carries the source and all that is needed to run it."""
    text = json.dumps(setup).encode("ascii")
    return frames.REQUEST.pack(frames.SETUP, 0, 0, len(text)) + text


class Channel:
    """A running child, locked as :func:`set_protection` chose, from its start until :meth:`close`.

    :param memory_bytes: address space that it may take.
    :raises RewardSynthError: if the process cannot be started on this machine, or cannot be locked.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        self._over = ""
        self._ended_from_outside = False
        self._kills, self._counted = machine.memory_kills(), time.monotonic()
        try:
            self._process = subprocess.Popen(
                self._command(request_end, answer_end, memory_bytes),
                env=library_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(request_end, answer_end),
                close_fds=True,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            os.close(self._requests)
            os.close(self._answers)
            raise RewardSynthError(f"the reward process cannot be started: {error}") from error
        finally:
            os.close(request_end)
            os.close(answer_end)
        self._handle = _handle_of(self._process.pid)
        os.set_blocking(self._requests, False)
        self._readable = select.poll()
        self._readable.register(self._answers, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._requests, select.POLLOUT)
        try:
            ready = self._receive(Deadline(START_SECONDS), "starting")
        except ChildDied as death:
            if death.from_outside:
                raise death.as_fault("a reward") from death
            raise RewardSynthError(
                f"the reward process does not start: {death.message}",
                "see whether this machine has at least 1 GiB of free memory, and try again",
            ) from death
        self.protection = tuple(ready.text.split("\n")) if ready.text else ()
        """The locks in force, as the process reported them, such as ``("limits", "landlock 7", "seccomp")``."""
        locked = "seccomp" in self.protection or "seatbelt" in self.protection
        if ready.status != "ok" or ("seccomp" in _layers and not locked):
            self.close()
            raise RewardSynthError(f"the reward process cannot be locked: {ready.text or 'no lock holds'}", NO_LOCK)

    @staticmethod
    def _command(request_end: int, answer_end: int, memory_bytes: int) -> list[str]:
        packages = Path(np.__file__).parent.parent
        numbers = (request_end, answer_end, memory_bytes, CPU_SECONDS)
        # Without -B, which would have every process compile our modules again.
        return [sys.executable, "-I", "-S", str(PROGRAM), *map(str, numbers), " ".join(_layers), str(packages)]

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True while the child runs."""
        return self._process.poll() is None

    def ask(self, frame: bytes, limit: float | Deadline, doing: str = "running") -> Answer:
        """Send one request and wait for its answer.

        :param limit: deadline for both, or the seconds until then; when it passes, the process group is killed.
        :param doing: what the process does, for the message about a missed deadline.
        :raises ChildDied: on the deadline, and if the process dies or answers with nonsense.
        """
        if self._over:
            raise ChildDied("died", self._over, self._ended_from_outside)
        now = time.monotonic()
        if now - self._counted > COUNTED_EVERY:
            self._kills, self._counted = machine.memory_kills(), now
        deadline = limit if isinstance(limit, Deadline) else Deadline(limit)
        try:
            self._send(frame, deadline, doing)
            return self._receive(deadline, doing)
        except BaseException:
            # After any interruption, the two ends no longer agree on where the next frame begins.
            self.close()
            raise

    def close(self) -> None:
        """Kill the process group and free everything. May be called more than once."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._kill()
            self._close("_requests", "_answers")
            # A busy process that cannot be killed from here ends together with this process.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5.0)
        self._close("_requests", "_answers", "_handle")
        self._over = self._over or "the process has been closed"

    def _close(self, *names: str) -> None:
        for name in names:
            descriptor = getattr(self, name)
            if descriptor >= 0:
                os.close(descriptor)
                setattr(self, name, -1)

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except PermissionError:
            # A locked training may not signal by process id. A handle that was opened before the lock still works.
            if self._handle < 0:
                raise
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _send(self, frame: bytes, deadline: Deadline, doing: str) -> None:
        pending = memoryview(frame)
        while pending:
            try:
                pending = pending[os.write(self._requests, pending) :]
            except BlockingIOError:
                if not _ready(self._writable, deadline):
                    self._late(doing)
            except BrokenPipeError:
                self._dead()

    def _receive(self, deadline: Deadline, doing: str) -> Answer:
        frame = self._read(b"", frames.ANSWER.size, deadline, doing)
        number, line, text_size, count = frames.ANSWER.unpack_from(frame)
        if number >= len(frames.STATUSES) or text_size > frames.TEXT_LIMIT or count > MAXIMUM_VALUES:
            self._nonsense()
        start = frames.ANSWER.size + text_size
        frame = self._read(frame, start + 8 * count, deadline, doing)
        if len(frame) != start + 8 * count:
            self._nonsense()
        text = _printable(frame[frames.ANSWER.size : start].decode("utf-8", errors="replace")) if text_size else ""
        values = np.frombuffer(frame, np.float64, count, start)
        return Answer(frames.STATUSES[number], line or None, text, values)

    def _read(self, frame: bytes, size: int, deadline: Deadline, doing: str) -> bytes:
        pieces, have = [frame], len(frame)
        while have < size:
            if not _ready(self._readable, deadline):
                self._late(doing)
            piece = os.read(self._answers, max(size - have, frames.FIRST_READ))
            if not piece:
                self._dead()
            pieces.append(piece)
            have += len(piece)
        return b"".join(pieces)

    def _late(self, doing: str) -> NoReturn:
        self._end("deadline", f"it was still {doing} when its time was up, and was killed")

    def _nonsense(self) -> NoReturn:
        self._end("died", "it sent an answer that is none, and was killed")

    def _dead(self) -> NoReturn:
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._nonsense()
        # The kernel ends what takes the most memory. A trainer takes more than any reward should, so if it ended this
        # process and not that one, the code is to blame.
        if code == -signal.SIGKILL and self._kills is not None and machine.memory_kills() != self._kills:
            self._end("memory", "it took the most memory of all processes, memory ran out, and the kernel killed it")
        self._ended_from_outside = from_outside(code)
        self._end("died", _cause(code))

    def _end(self, rule: str, message: str) -> NoReturn:
        self._over = message
        self.close()
        raise ChildDied(rule, message, self._ended_from_outside)


def _handle_of(pid: int) -> int:
    """A descriptor that stands for the process; -1 if the system does not support this."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or before 5.3
        return -1


_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_INSTRUCTION_VARIABLES = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")


def library_environment() -> dict[str, str]:
    """Variables for numerical libraries in our processes: one thread, and the instructions that this process uses.

    With other instructions the last bit of a sum differs. Then a reward would not be exactly what its file gives in
    another process.
    """
    asked = {name: os.environ[name] for name in _INSTRUCTION_VARIABLES if name in os.environ}
    return dict.fromkeys(_THREAD_VARIABLES, "1") | asked


def _ready(poll: select.poll, deadline: Deadline) -> bool:
    """Whether an end is ready before the deadline. Bytes that arrive slowly but steadily use up the time as well."""
    while left := deadline.wait():
        if poll.poll(left * 1000.0):
            return True
    return False


def _cause(code: int) -> str:
    if code >= 0:
        return f"the process ended itself with exit code {code}"
    causes = {
        signal.SIGKILL: "the process was killed (SIGKILL), most likely for want of memory",
        signal.SIGSEGV: "the process crashed (SIGSEGV): too deep a recursion, or memory it may not touch",
        signal.SIGXCPU: "the process used up its processor time (SIGXCPU)",
        signal.SIGSYS: "the process made a forbidden system call (SIGSYS)",
    }
    if -code not in set(signal.Signals):  # Most real-time signals have no name.
        return f"the process died of signal {-code}"
    number = signal.Signals(-code)
    return causes.get(number, f"the process died of {number.name}")


def _printable(text: str) -> str:
    """The text without control characters, which could rewrite a terminal or forge lines in a prompt."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
