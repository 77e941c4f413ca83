"""How processes end: in words, and whether somebody else ended them, which says nothing of what ran in them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TypeVar

from reward_synth.core.errors import MachineFault

Done = TypeVar("Done")

ATTEMPTS = 3
"""So often something is tried that this machine kept from its end."""
CANNOT_WRITE = os.EX_IOERR
"""Exit code of a process of ours that could not write what it had to say."""
MEMORY = "if memory ran out (see `dmesg`), end other programs or use --jobs 1"

_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}


def from_outside(code: int) -> bool:
    """True for the return code of a process that a person, a service or the kernel ended, most often for its memory."""
    return -code in _FROM_OUTSIDE


def cause(code: int) -> str:
    """A process's return code in words."""
    if code == CANNOT_WRITE:
        return f"exit code {code}: it could not write its files, for which the disk may be full"
    if code >= 0:
        return f"exit code {code}"
    # Most real-time signals have no name.
    return f"signal {-code}" + (f" ({signal.Signals(-code).name})" if -code in set(signal.Signals) else "")


def tried_again(work: Callable[[], Done]) -> Done:
    """What the work returns, which is begun anew, at most :data:`ATTEMPTS` times, if this machine ends it.

    :raises MachineFault: it was ended each time.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return work()
        except MachineFault:
            continue
    return work()
