"""The output of a run on the terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Literal

from reward_synth.display.base import Display, Lasting

__all__ = ["Display", "Lasting", "make_display"]


def make_display(
    kind: Literal["auto", "rich", "plain", "json", "none"], clock: Callable[[], float] = time.monotonic
) -> Display:
    """The display of that name; ``auto`` is ``rich`` on a terminal and ``plain`` elsewhere.

    :param clock: seconds, for the times that it shows.
    """
    if kind == "auto":
        fancy = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        kind = "rich" if fancy else "plain"
    if kind == "none":
        return Display()
    shown: Display = getattr(import_module(f"reward_synth.display.{kind}"), f"{kind.title()}Display")(clock=clock)
    return shown
