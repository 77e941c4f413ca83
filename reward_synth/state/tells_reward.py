"""Puts an environment's own reward where rows are read from."""

from __future__ import annotations

import math
from typing import Any

import gymnasium

REWARD, USABLE = "own_reward", "own_reward_is_a_number"
"""Keys of ``info``."""


class TellsReward(gymnasium.Wrapper):
    """Puts the reward into ``info``, where rows are read from. A reward that is no finite number counts 0 there."""

    def __init__(self, env: gymnasium.Env[Any, Any], lasting: bool = False) -> None:
        super().__init__(env)
        self._lasting = lasting
        self.seen: Any = None
        """The newest observation."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment; no reward is told yet."""
        self.seen, info = self.env.reset(seed=seed, options=options)
        return self.seen, {**info, REWARD: 0.0, USABLE: 1.0}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment. If it is to last, only time ends its episodes."""
        self.seen, reward, terminated, truncated, info = self.env.step(action)
        paid = float(reward)
        usable = math.isfinite(paid)
        told = {**info, REWARD: paid if usable else 0.0, USABLE: float(usable)}
        return self.seen, reward, bool(terminated) and not self._lasting, bool(truncated), told
