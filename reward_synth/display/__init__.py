"""What the terminal shows."""

from __future__ import annotations

import os
import sys
from typing import Literal

from reward_synth.display.base import Display

__all__ = ["Display", "make_display"]


def make_display(kind: Literal["auto", "rich", "plain", "json", "none"]) -> Display:
    """The display of that name; ``auto`` is ``rich`` on a terminal and ``plain`` elsewhere."""
    if kind == "auto":
        fancy = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        kind = "rich" if fancy else "plain"
    if kind == "rich":
        from reward_synth.display.rich import RichDisplay

        return RichDisplay()
    if kind == "plain":
        from reward_synth.display.plain import PlainDisplay

        return PlainDisplay()
    if kind == "json":
        from reward_synth.display.json import JsonDisplay

        return JsonDisplay()
    return Display()
