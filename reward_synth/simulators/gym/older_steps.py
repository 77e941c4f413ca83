"""Environments whose ``step`` and ``reset`` answer with fewer or more values than Gymnasium's, as older ones do."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit

COST = "cost"
"""Key of ``info`` under which the cost of a step is kept that a step of six values tells beside the reward."""


def give_five_values(env: gymnasium.Env[Any, Any]) -> None:
    """Let ``step`` give Gymnasium's five values, and ``reset`` two. One that does so already is not changed.

    Four values are those of OpenAI's Gym; six are those of Safety-Gymnasium, with a cost. What the environment prints
    meanwhile goes to stderr.

    :param env: as ``gymnasium.make`` returns it.
    """
    layer: Any = env
    while isinstance(layer, OrderEnforcing | TimeLimit):
        layer = layer.env
    if type(layer).__module__.startswith("gymnasium."):
        return
    inner_step, inner_reset = layer.step, layer.reset

    def step(action: Any) -> Any:
        with redirect_stdout(sys.stderr):
            # Some ask whether a choice is an `int`, and spaces draw numpy's integers.
            values = inner_step(int(action) if isinstance(action, np.integer) else action)
        if len(values) == 4:
            observation, reward, done, info = values
            cut = bool(done and info.get("TimeLimit.truncated", False))
            return observation, reward, done and not cut, cut, info
        if len(values) == 6:
            observation, reward, cost, terminated, truncated, info = values
            return observation, reward, terminated, truncated, {COST: cost, **info}
        return values

    def reset(**options: Any) -> Any:
        with redirect_stdout(sys.stderr):
            values = inner_reset(**options)
        two = isinstance(values, tuple) and len(values) == 2 and isinstance(values[1], dict)
        return values if two else (values, {})

    layer.step, layer.reset = step, reset
