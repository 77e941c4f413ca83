"""The wrapper that shows a policy more than its environment does. Its text is copied into exported files, so it uses no
other module here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np


class ShownWrapper(gymnasium.Wrapper):
    """Adds to an environment's observation what its task shows to policies besides.

    :param names: ``clock``, the share of the episode that is over; a field; or ``start.`` and a field.
    :param read: returns the present fields from the newest observation.
    :param horizon: steps of a full episode.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], names: tuple[str, ...], read: Callable[[Any], Any], horizon: int
    ) -> None:
        super().__init__(env)
        self._names, self._fields, self._horizon = names, read, horizon
        self._start, self._count = read(env.observation_space.sample()), 0
        space: Any = gymnasium.spaces.flatten_space(env.observation_space)
        size = self._added(self._start).size
        low, high = np.append(space.low, np.full(size, -np.inf)), np.append(space.high, np.full(size, np.inf))
        self.observation_space = gymnasium.spaces.Box(
            low.astype(space.dtype), high.astype(space.dtype), dtype=space.dtype
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._start, self._count = self._fields(observation), 0
        return self._with_more(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, *rest = self.env.step(action)
        self._count += 1
        return (self._with_more(observation), *rest)

    def _with_more(self, observation: Any) -> np.ndarray:
        seen = gymnasium.spaces.flatten(self.env.observation_space, observation)
        return np.append(seen, self._added(self._fields(observation))).astype(seen.dtype)

    def _added(self, fields: Any) -> np.ndarray:
        parts = [
            np.ravel(self._count / self._horizon)
            if name == "clock"
            else np.ravel(getattr(self._start if name.startswith("start.") else fields, name.removeprefix("start.")))
            for name in self._names
        ]
        return np.concatenate(parts)
