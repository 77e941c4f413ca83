"""MiniGrid without its texts: `--env ./grid.py:grid`."""

import gymnasium
from gymnasium.wrappers import FilterObservation


def grid(name: str = "minigrid:MiniGrid-Empty-5x5-v0") -> gymnasium.Env:
    """The picture of what is near, as numbers, and the direction."""
    return FilterObservation(gymnasium.make(name), ["image", "direction"])
