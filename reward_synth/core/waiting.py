"""Waiting: a deadline, and one line for a person who waits longer than usual."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    for was paused too, or has answered meanwhile.
    """

    def __init__(self, seconds: float) -> None:
        self._left, self._seen = seconds, time.monotonic()

    def wait(self) -> float:
        """Seconds to wait until the next look, at most :data:`LOOK`; 0 once the deadline has passed."""
        now = time.monotonic()
        self._left -= min(now - self._seen, LOOK)
        self._seen = now
        return min(max(self._left, 0.0), LOOK)


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
