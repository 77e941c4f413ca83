"""One line for a person who waits longer than usual."""

from __future__ import annotations

import threading
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
