"""Waiting: a deadline, and one line for a person who waits longer than usual."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LONG = 10.0
"""Seconds without a word that people take for a crash."""
SLOW_ENVIRONMENT = (
    "still trying the environment: it is made and stepped, and over thirty short episodes are recorded in it, "
    "which takes minutes if it takes long for a step"
)
SLOW_TO_OPEN = (
    "still opening the environment: its package is loaded and it is made, which takes a minute for some packages"
)
LOOK = 1.0
"""Seconds between two looks at the clock, at most."""


class Deadline:
    """Passes after so many seconds in which this process ran.

    A process that was paused (Ctrl-Z, a frozen container, a suspended machine) finds the clock gone on. What it waits
    for was paused too, or has answered meanwhile. Who waits must look every :data:`LOOK` seconds, since no look counts
    for more.

    :param total: the deadline of something longer, of which this is a part: each look here is one there, too.
    """

    def __init__(self, seconds: float, total: Deadline | None = None) -> None:
        self._left, self._total, self._seen = seconds, total, time.monotonic()

    @property
    def left(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        now = time.monotonic()
        self._left -= min(now - self._seen, LOOK)
        self._seen = now
        if self._total is not None:
            self._total.wait()
        return max(self._left, 0.0)

    def wait(self) -> float:
        """Seconds to wait until the next look, at most :data:`LOOK`; 0 once the deadline has passed."""
        return min(self.left, LOOK)

    def communicate(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        """What a process writes until it ends, to stdout and to stderr. Its stdin must be no pipe.

        :raises subprocess.TimeoutExpired: it still runs at the deadline.
        """
        while True:
            wait = self.wait()
            try:
                return process.communicate(timeout=wait)
            except subprocess.TimeoutExpired:
                if not wait:
                    raise


def run_within(seconds: float, command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, as :func:`subprocess.run` does, with time that is counted by a :class:`Deadline`.

    :param options: of :class:`subprocess.Popen`. The command reads nothing.
    :raises subprocess.TimeoutExpired: it took longer, and was killed.
    """
    process: subprocess.Popen[bytes] = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    with process:
        try:
            out, err = Deadline(seconds).communicate(process)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@contextmanager
def told_if_long(tell: Callable[[str], None], text: str = SLOW_ENVIRONMENT, after: float = LONG) -> Iterator[None]:
    """Tell the text, once and from another thread, if what is done meanwhile takes longer than ``after`` seconds."""
    timer = threading.Timer(after, tell, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
