"""Ctrl-C, SIGTERM, and a terminal that is closed.

Python ignores what is raised in a destructor or a callback, and so loses an interruption there. Therefore it is also
kept, and whoever waits for something asks for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_came = threading.Event()


@contextmanager
def heeded() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C, so that workers are ended and finished work is kept.

    Call it in the main thread.
    """

    def interrupt(*_: object) -> None:
        _came.set()
        raise KeyboardInterrupt

    # A command that was started in the background may ignore Ctrl-C, and goes on doing so.
    ctrl_c = [signal.SIGINT] if signal.getsignal(signal.SIGINT) is signal.default_int_handler else []
    # With nohup it outlives its terminal.
    hang_up = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL else []
    _came.clear()
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, *ctrl_c, *hang_up)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _came.clear()


def require() -> None:
    """Raise :class:`KeyboardInterrupt` if one came and was lost."""
    if _came.is_set():
        raise KeyboardInterrupt
