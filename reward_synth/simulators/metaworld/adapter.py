"""MetaWorld v3: a Sawyer arm at a table, 50 tasks. Needs the extra ``metaworld``."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.simulators.metaworld.tasks import TASKS
from reward_synth.state.fields import NEVER_EARLY, Expert, FieldTable

INSTALL_LINE = 'pip install "reward-synth[metaworld]"'
DEFAULT_HORIZON = 200
"""Upstream stops at 500 steps; its experts need 40 to 120."""

ARGUMENTS = ("goal_observable", "render_mode", "camera_name", "camera_id", "width", "height")
"""What environments accept. Upstream's choice of a native reward is left out: its version 1 changes success too."""


class MetaWorld:
    """The simulator ``metaworld``: environments like ``window-close-v3``, with a new goal in every episode."""

    name = "metaworld"

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps, not yet reset.

        :param env_id: one of MT1's 50, such as ``drawer-open-v3``.
        :param arguments: those of :data:`ARGUMENTS`. With ``goal_observable`` false the policy sees zeros in place of
            the target's position, which rewards can read all the same; it is true unless told.
        :param horizon: steps until truncation; None for 200.
        :raises RewardSynthError: for an unknown id or argument, or without the extra.
        """
        if horizon is not None and horizon < 1:
            raise RewardSynthError(f"the horizon must be at least 1 step, not {horizon}")
        if env_id not in TASKS:
            raise RewardSynthError(f"unknown MetaWorld environment {env_id!r}", _nearest_environments(env_id))
        unknown = sorted(set(arguments) - set(ARGUMENTS))
        if unknown:
            hint = f"it accepts: {', '.join(ARGUMENTS)}"
            raise RewardSynthError(f"{env_id} has no argument {', '.join(map(repr, unknown))}", hint)
        if not isinstance(arguments.get("goal_observable", True), bool):
            raise RewardSynthError(f"{env_id}: goal_observable must be true or false")
        try:
            from reward_synth.simulators.metaworld.env import make_environment
        except ImportError as error:
            raise RewardSynthError(
                f"{env_id} needs MetaWorld, which cannot be imported: {error}", INSTALL_LINE
            ) from error
        try:
            env = make_environment(env_id, arguments)
        except (TypeError, ValueError, OSError) as error:
            raise RewardSynthError(f"{env_id} cannot be made with arguments {arguments}: {error}") from error
        return gymnasium.wrappers.TimeLimit(env, horizon or DEFAULT_HORIZON)

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments.

        :raises RewardSynthError: for an environment that this simulator did not make.
        """
        from reward_synth.simulators.metaworld.fields import field_table

        if not hasattr(env.unwrapped, "env_id"):
            hint = 'make it with reward_synth.simulators.get_simulator("metaworld").make(env_id, {})'
            raise RewardSynthError(f"{type(env.unwrapped).__name__} was not made by this simulator", hint)
        return field_table(env.unwrapped)

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes: 0.0125 s."""
        base: Any = env.unwrapped
        return float(base.dt)

    def environments(self) -> dict[str, str]:
        """All 50 with a one-line description each; empty without the extra."""
        if importlib.util.find_spec("metaworld") is None:
            return {}
        return {env_id: f"{task.description} {NEVER_EARLY}" for env_id, task in TASKS.items()}

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with what the policy sees."""
        target = "the target's position" if arguments.get("goal_observable", True) else "no target"
        return (
            f"{TASKS[env_id].description} {NEVER_EARLY} The policy sees the hand, how far the fingers are open, and the"
            f" objects, now and a step before, and {target}."
        )

    def horizon(self, env_id: str) -> int:
        """200 steps."""
        return DEFAULT_HORIZON

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """Upstream's scripted policy for the environment."""
        from reward_synth.simulators.metaworld.experts import expert

        return [expert(env.unwrapped)]


def _nearest_environments(env_id: str) -> str:
    wanted = env_id.lower().replace("_", "-")
    for candidate in (wanted, f"{wanted}-v3", f"{wanted.rsplit('-v', 1)[0]}-v3"):
        if candidate in TASKS:
            return did_you_mean([candidate])
    return did_you_mean(nearest(wanted, list(TASKS), count=3, cutoff=0.5), f"there are: {', '.join(TASKS)}")
