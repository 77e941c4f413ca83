"""BlueSky's landing, whose package registers nothing by itself: `--env ./descent.py:descent`."""

import bluesky_gym
import gymnasium

bluesky_gym.register_envs()


def descent():
    """An aircraft that shall come down onto a runway."""
    return gymnasium.make("DescentEnv-v0")
