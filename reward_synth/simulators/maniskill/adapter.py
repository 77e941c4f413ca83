"""ManiSkill 3: a Panda arm at a table, six tasks, on a processor. Needs the extra ``maniskill``."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.simulators.maniskill.tasks import CONTROL_MODES, TASKS
from reward_synth.state.fields import NEVER_EARLY, Expert, FieldTable

INSTALL_LINE = 'pip install "reward-synth[maniskill]"'
DEFAULT_HORIZON = 50
"""Upstream's ``max_episode_steps`` of all six."""

ARGUMENTS = ("control_mode", "render_mode")
"""What environments accept. The robot, its noise at the start and the engine's settings are upstream's defaults."""

RENDERING_HINT = (
    "pictures need a Vulkan device; on a processor Mesa 24.3 or newer is one: mesa-vulkan-drivers "
    "(on Debian 12 from bookworm-backports). Training, evaluation and everything else need none"
)


class ManiSkill:
    """The simulator ``maniskill``: environments like ``PushCube-v1``, whose starts are drawn anew in every episode."""

    name = "maniskill"

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps, not yet reset.

        :param env_id: one of the six, such as ``PickCube-v1``.
        :param arguments: those of :data:`ARGUMENTS`. The ``control_mode`` ``pd_ee_delta_pos``, which is taken unless
            told, shifts the gripper by up to 0.1 m a step and keeps its orientation; ``pd_joint_delta_pos`` turns each
            of seven joints by up to 0.1 rad.
        :param horizon: steps until truncation; None for 50.
        :raises RewardSynthError: for an unknown id or argument, without the extra, or where pictures are wanted and
            there is no rendering device.
        """
        if horizon is not None and horizon < 1:
            raise RewardSynthError(f"the horizon must be at least 1 step, not {horizon}")
        if env_id not in TASKS:
            raise RewardSynthError(f"unknown ManiSkill environment {env_id!r}", _nearest_environments(env_id))
        _check_arguments(env_id, arguments)
        try:
            from reward_synth.simulators.maniskill.env import make_environment
        except ImportError as error:
            raise RewardSynthError(
                f"{env_id} needs ManiSkill, which cannot be imported: {error}", INSTALL_LINE
            ) from error
        try:
            env = make_environment(env_id, arguments)
        except RuntimeError as error:
            hint = RENDERING_HINT if arguments.get("render_mode") else INSTALL_LINE
            raise RewardSynthError(f"{env_id} cannot be made with arguments {arguments}: {error}", hint) from error
        return gymnasium.wrappers.TimeLimit(env, horizon or DEFAULT_HORIZON)

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments.

        :raises RewardSynthError: for an environment that this simulator did not make.
        """
        from reward_synth.simulators.maniskill.fields import field_table

        if not hasattr(env.unwrapped, "grasps"):
            hint = 'make it with reward_synth.simulators.get_simulator("maniskill").make(env_id, {})'
            raise RewardSynthError(f"{type(env.unwrapped).__name__} was not made by this simulator", hint)
        return field_table(env.unwrapped)

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes: 0.05 s."""
        base: Any = env.unwrapped
        return float(base.dt)

    def environments(self) -> dict[str, str]:
        """All six with a one-line description each; empty without the extra."""
        if importlib.util.find_spec("mani_skill") is None:
            return {}
        return {env_id: f"{task.description} {NEVER_EARLY}" for env_id, task in TASKS.items()}

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with what the policy sees."""
        return (
            f"{TASKS[env_id].description} {NEVER_EARLY} The policy sees the arm's joints and their speeds, and where"
            " hand, objects and, where there is one, the goal are."
        )

    def horizon(self, env_id: str) -> int:
        """50 steps."""
        return DEFAULT_HORIZON

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """A scripted controller of the gripper's position; none for other control modes and for LiftPegUpright."""
        from reward_synth.simulators.maniskill.experts import expert

        found = expert(env.unwrapped)
        return [] if found is None else [found]


def _check_arguments(env_id: str, arguments: dict[str, Any]) -> None:
    unknown = sorted(set(arguments) - set(ARGUMENTS))
    if unknown:
        hint = f"it accepts: {', '.join(ARGUMENTS)}"
        raise RewardSynthError(f"{env_id} has no argument {', '.join(map(repr, unknown))}", hint)
    if (mode := arguments.get("control_mode", CONTROL_MODES[0])) not in CONTROL_MODES:
        raise RewardSynthError(f"{env_id} has no control_mode {mode!r}", f"use one of: {', '.join(CONTROL_MODES)}")
    if arguments.get("render_mode") not in (None, "rgb_array"):
        raise RewardSynthError(f"{env_id} has no render_mode {arguments['render_mode']!r}", "use rgb_array")


def _nearest_environments(env_id: str) -> str:
    names = {_bare(name): name for name in TASKS}
    return did_you_mean(nearest(_bare(env_id), names, count=3, cutoff=0.5), f"there are: {', '.join(TASKS)}")


def _bare(env_id: str) -> str:
    return env_id.lower().replace("_", "").replace("-", "").removesuffix("v1").removesuffix("v0")
