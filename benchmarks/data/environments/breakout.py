"""Atari's memory instead of its screen: `--env ./breakout.py:breakout`."""

import ale_py  # noqa: F401  (registers the environments)
import gymnasium


def breakout():
    """Breakout, observed by its 128 bytes of memory."""
    return gymnasium.make("ALE/Breakout-v5", obs_type="ram")
