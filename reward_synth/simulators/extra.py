"""The base class of simulators that are extras of this package and whose environments are known by name."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest_meaning
from reward_synth.simulators.data import KnownEnvironment
from reward_synth.simulators.protocol import Simulator
from reward_synth.simulators.versions import Verified, require_mujoco, require_whole_mujoco
from reward_synth.state.table import FieldTable

NEVER_EARLY = "Nothing ends an episode early, success neither."
"""Part of the description of a simulator whose episodes all last as long as their horizon."""


class OwnReward(gymnasium.Wrapper):
    """Asks the environment after each step for upstream's reward, whether upstream ends there, and upstream's info."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """A step with the answer of the environment's ``own_reward(action)``."""
        observation, _, _, truncated, _ = self.env.step(action)
        reward, terminated, info = self.unwrapped.own_reward(action)
        return observation, reward, terminated, truncated, info


class ExtraSimulator(Simulator):
    """Base of these adapters: checks ids and arguments, and says what to install. Subclasses add ``build``, ``table``.

    :cvar title: upstream's name as people write it.
    :cvar module: upstream's module.
    :cvar verified: upstream's versions that the environments here were compared with.
    :cvar mujoco: the only version of MuJoCo that these versions run on; empty if any will do.
    :cvar tasks: environment id → what is known of it.
    :cvar arguments: keyword arguments that environments accept.
    :cvar render_modes: values of the argument ``render_mode``.
    :cvar never_early: True if all episodes last as long as their horizon.
    :cvar default_horizon: steps of an episode if no task sets them.
    """

    title: ClassVar[str]
    module: ClassVar[str]
    verified: ClassVar[Verified]
    mujoco: ClassVar[str] = ""
    tasks: ClassVar[Mapping[str, KnownEnvironment]]
    arguments: ClassVar[tuple[str, ...]]
    render_modes: ClassVar[tuple[str, ...]] = ("rgb_array",)
    never_early: ClassVar[bool] = True
    default_horizon: ClassVar[int]

    def __init_subclass__(cls) -> None:
        cls.install_line = f'pip install "reward-synth[{cls.name}]"'

    def build(self, env_id: str, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
        """The environment without a time limit; imports upstream.

        :raises RewardSynthError: an argument has an invalid value.
        :raises ImportError: upstream is not installed.
        """
        raise NotImplementedError

    def table(self, base: Any) -> FieldTable:
        """The table of an unwrapped environment that ``build`` made."""
        raise NotImplementedError

    def knows(self, env_id: str) -> bool:
        """True for one of ``tasks``."""
        return env_id in self.tasks

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps (None: :meth:`horizon`'s), not yet reset.

        :raises RewardSynthError: the id, an argument or a value is not valid, the extra is missing, or upstream or
            MuJoCo has another version than those that our environments were compared with.
        """
        made = self._made(env_id, arguments, horizon)
        return gymnasium.wrappers.TimeLimit(made, horizon or self.horizon(env_id))

    def with_own_reward(
        self, env_id: str, arguments: dict[str, Any], horizon: int | None = None
    ) -> gymnasium.Env[Any, Any]:
        """As :meth:`make`, of an environment that has ``own_reward``; see :class:`OwnReward`."""
        made = self._made(env_id, arguments, horizon)
        if not hasattr(made, "own_reward"):
            return super().with_own_reward(env_id, arguments, horizon)
        return gymnasium.wrappers.TimeLimit(OwnReward(made), horizon or self.horizon(env_id))

    def _made(self, env_id: str, arguments: dict[str, Any], horizon: int | None) -> gymnasium.Env[Any, Any]:
        if horizon is not None and horizon < 1:
            raise RewardSynthError(f"the horizon must be at least 1 step, not {horizon}")
        if env_id not in self.tasks:
            raise RewardSynthError(f"unknown {self.title} environment {env_id!r}", self._nearest(env_id))
        unknown = sorted(set(arguments) - set(self.arguments))
        if unknown:
            hint = f"it accepts: {', '.join(self.arguments)}"
            raise RewardSynthError(f"{env_id} has no argument {', '.join(map(repr, unknown))}", hint)
        if (mode := arguments.get("render_mode")) not in (None, *self.render_modes):
            raise RewardSynthError(f"{env_id} has no render_mode {mode!r}", f"use {' or '.join(self.render_modes)}")
        self.verified.require(self.install_line)
        if self.mujoco and importlib.util.find_spec(self.module):
            require_mujoco(self.title, self.mujoco)
        try:
            return self.build(env_id, arguments)
        except (ImportError, OSError) as error:
            require_whole_mujoco()
            if isinstance(error, OSError):
                raise
            message = f"{env_id} needs {self.title}, which cannot be imported: {error}"
            raise RewardSynthError(message, self.install_line) from error

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments.

        :raises RewardSynthError: for an environment that this simulator did not make.
        """
        base = env.unwrapped
        if type(base).__module__.rpartition(".")[0] != type(self).__module__.rpartition(".")[0]:
            hint = f'make it with reward_synth.simulators.get_simulator("{self.name}").make(env_id, {{}})'
            raise RewardSynthError(f"{type(base).__name__} was not made by this simulator", hint)
        return self.table(base)

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes: the environment's ``dt``."""
        base: Any = env.unwrapped
        return float(base.dt)

    def environments(self) -> Mapping[str, str]:
        """All of them with a one-line description each; empty without the extra."""
        if importlib.util.find_spec(self.module) is None:
            return {}
        return {env_id: self.summary(env_id) for env_id in self.tasks}

    def summary(self, env_id: str) -> str:
        """One line, for choosing an environment by goal."""
        description = self.tasks[env_id].description
        return f"{description} {NEVER_EARLY}" if self.never_early else description

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with what the policy sees."""
        seen = self.tasks[env_id].seen
        return f"{self.summary(env_id)} The policy sees {seen}." if seen else self.summary(env_id)

    def horizon(self, env_id: str) -> int:
        """Steps of an episode if no task sets them; the same for all environments."""
        return self.default_horizon

    def _nearest(self, env_id: str) -> str:
        names = {self._bare(name): name for name in self.tasks}
        wanted = self._bare(env_id)
        close = [names[wanted]] if wanted in names else nearest_meaning(wanted, names, 3, 0.5)
        return did_you_mean(close, f"there are: {', '.join(self.tasks)}")

    def _bare(self, env_id: str) -> str:
        return re.sub(r"[-_]|[-_]?v\d+$", "", env_id.lower()).removeprefix(self.name)
