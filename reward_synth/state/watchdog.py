"""Ends this process if an environment does not return from a step, so that no training waits for ever.

The kernel does it, by SIGALRM: an environment that hangs in a native library would never let Python look at a clock.
Only processes that run one training and nothing else set a limit.
"""

from __future__ import annotations

import signal

OVERDUE = -int(signal.SIGALRM)
"""Return code of a process that was ended here."""
LEAST, TIMES = 60.0, 1000.0
"""The limit is so many seconds at least, and so many times the slowest step that was seen before."""

_seconds = 0.0


def limit_for(slowest: float) -> float:
    """The limit in seconds for an environment whose slowest step or reset took so many."""
    return max(LEAST, TIMES * slowest)


def limit(seconds: float) -> None:
    """Set the limit of this process, in seconds; 0 is none."""
    global _seconds
    _seconds = seconds


def start() -> None:
    """An environment is asked for a step or a reset."""
    if _seconds:
        signal.setitimer(signal.ITIMER_REAL, _seconds)


def stop() -> None:
    """It has returned."""
    if _seconds:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
