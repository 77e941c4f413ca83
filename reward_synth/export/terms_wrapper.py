"""The wrapper that pays a reward's terms. Its text is copied into exported files, so it uses no other module here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np


class TermsWrapper(gymnasium.Wrapper):
    """Replaces an environment's reward; the terms are in ``info["reward_terms"]``.

    :param compute: returns named terms for ``(state, action, next_state)``, and ``memory`` if it takes that.
    :param takes_memory: whether ``compute`` takes ``memory``, a dict that lives for one episode.
    :param read: returns the present state from the newest observation, or from None before the first reset.
    :param total: computes the reward from the terms.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        compute: Callable[..., dict[str, float]],
        takes_memory: bool,
        read: Callable[[Any], Any],
        total: Callable[[Mapping[str, float]], float],
    ) -> None:
        super().__init__(env)
        self._compute, self._takes_memory, self._read, self._total = compute, takes_memory, read, total
        self._memory: dict[Any, Any] = {}
        self._state = read(None)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode, with an empty ``memory``."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._memory = {}
        self._state = self._read(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take a step; the reward is computed from ``info["reward_terms"]``, a dict from term name to float."""
        observation, _, terminated, truncated, info = self.env.step(action)
        state, self._state = self._state, self._read(observation)
        memory = (self._memory,) if self._takes_memory else ()
        computed = self._compute(state, self._taken(action), self._state, *memory)
        terms = {name: float(value) for name, value in computed.items()}
        return observation, self._total(terms), terminated, truncated, {**info, "reward_terms": terms}

    def _taken(self, action: Any) -> np.ndarray:
        """The action as the reward sees it, read-only: a discrete action is a vector with a 1 at its index."""
        space = self.env.action_space
        choice = isinstance(space, gymnasium.spaces.Discrete)
        taken = np.eye(int(space.n))[action].ravel() if choice else np.array(action, dtype=np.float64)
        taken.flags.writeable = False
        return taken
