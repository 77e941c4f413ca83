"""A generated reward in your own training code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from reward_synth.core.errors import RewardSynthError
from reward_synth.reward.contract import RewardError, load_reward, read_source, takes_memory
from reward_synth.reward.lint import lint


class RewardWrapper(gymnasium.Wrapper):
    """Replaces an environment's reward by a generated one; the terms are in ``info["reward_terms"]``.

    The reward runs in this process, with all your rights: read it first. It is linted, which finds mistakes and
    is no protection.

    :param env: a single (not vectorised) environment of the simulator. Its observations stay as they are.
    :param reward: path of a reward file, or its text.
    :param simulator: the simulator that the environment belongs to.
    :param fields: a task's own fields (``load_task(FILE).environment.fields``), where the reward reads some.
    :raises RewardSynthError: if the lint finds an error, or the simulator does not know the environment.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        reward: str | Path,
        simulator: str = "gym",
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        from reward_synth.simulators import get_simulator
        from reward_synth.state.custom_fields import with_own_fields

        super().__init__(env)
        source = read_source(reward)
        table = with_own_fields(get_simulator(simulator).fields(env), fields or {}, env).for_rewards()
        report = lint(source, table.layout())
        errors = [finding.as_text() for finding in report.findings if finding.severity == "error"]
        if errors:
            raise RewardSynthError("the reward has errors:\n" + "\n".join(errors), "mend the reward file")
        try:
            self._compute = load_reward(source)
        except RewardError as error:
            raise RewardSynthError(f"the reward cannot be loaded: {error}", "mend the reward file") from error
        self._takes_memory = takes_memory(self._compute)
        read = table.subset(report.fields)
        self._read, self._view = read.reader(env), read.viewer()
        self._memory: dict[Any, Any] = {}
        self._state = self._view(self._read())

    def _flat(self, observation: Any) -> Any:
        """The observation as the fields read it."""
        from reward_synth.state.spaces import flatten

        return flatten(self.env.observation_space, observation)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode, with an empty ``memory``."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._memory = {}
        self._state = self._view(self._read(self._flat(observation)))
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step; the reward is the sum of ``info["reward_terms"]``, a dict from term name to float."""
        observation, _, terminated, truncated, info = self.env.step(action)
        state, self._state = self._state, self._view(self._read(self._flat(observation)))
        # One of several actions is told to the reward as a vector with a 1 in its place.
        chosen = self.env.action_space
        taken = np.eye(int(chosen.n))[action] if isinstance(chosen, gymnasium.spaces.Discrete) else action
        taken = np.array(taken, dtype=np.float64)
        taken.flags.writeable = False
        memory = (self._memory,) if self._takes_memory else ()
        terms = {name: float(v) for name, v in self._compute(state, taken, self._state, *memory).items()}
        return observation, sum(terms.values()), terminated, truncated, {**info, "reward_terms": terms}
