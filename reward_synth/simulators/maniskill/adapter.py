"""ManiSkill 3: a Panda arm at a table, six tasks, on a processor. Needs the extra ``maniskill``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.extra import ExtraSimulator
from reward_synth.simulators.maniskill.tasks import CONTROL_MODES, TASKS
from reward_synth.simulators.protocol import Expert
from reward_synth.simulators.versions import Verified
from reward_synth.state.table import FieldTable

RENDERING_HINT = (
    "pictures need a Vulkan device; on a processor Mesa 24.3 or newer is one: mesa-vulkan-drivers "
    "(on Debian 12 from bookworm-backports). Training, evaluation and everything else need none"
)


class ManiSkill(ExtraSimulator):
    """The simulator ``maniskill``: environments like ``PushCube-v1``, with a new random start in every episode.

    The default of the argument ``control_mode`` is ``pd_ee_delta_pos``, which shifts the gripper by up to 0.1 m a step
    and keeps its orientation. ``pd_joint_delta_pos`` turns each of seven joints by up to 0.1 rad. The robot, its noise
    at the start and the engine's settings are upstream's defaults.
    """

    name = "maniskill"
    trial = "PushCube-v1"
    planned_per_second = 1_800.0
    title, module, verified = "ManiSkill", "mani_skill", Verified("mani-skill", ("3.0",))
    tasks = TASKS
    default_horizon = 50
    """Upstream's ``max_episode_steps`` of all six."""
    arguments = ("control_mode", "render_mode")

    def build(self, env_id: str, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
        """The environment without a time limit."""
        if (mode := arguments.get("control_mode", CONTROL_MODES[0])) not in CONTROL_MODES:
            raise RewardSynthError(f"{env_id} has no control_mode {mode!r}", f"use one of: {', '.join(CONTROL_MODES)}")
        from reward_synth.simulators.maniskill.env import TableTop

        try:
            return TableTop(env_id, **arguments)
        except RuntimeError as error:
            hint = RENDERING_HINT if arguments.get("render_mode") else self.install_line
            raise RewardSynthError(f"{env_id} cannot be made with arguments {arguments}: {error}", hint) from error

    def table(self, base: Any) -> FieldTable:
        """The table of an unwrapped environment."""
        from reward_synth.simulators.maniskill.fields import field_table

        return field_table(base)

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with what the policy sees."""
        return (
            f"{self.summary(env_id)} The policy sees the arm's joints and their speeds, and where"
            " hand, objects and, where there is one, the goal are."
        )

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """A scripted controller of the gripper's position; none for other control modes and for LiftPegUpright."""
        from reward_synth.simulators.maniskill.experts import expert

        found = expert(env.unwrapped)
        return [] if found is None else [found]

    def as_mujoco(self, env: gymnasium.Env[Any, Any]) -> Any:
        """The collision shapes: no Vulkan device is needed for these."""
        from reward_synth.simulators.maniskill.mirror import Mirror

        return Mirror(env.unwrapped)

    def pictures(self) -> tuple[str, str]:
        """Whether there is a rendering device that SAPIEN accepts."""
        from reward_synth.simulators.maniskill.visuals import find_device

        missing = find_device()
        return (f"films show outlines: {missing}", RENDERING_HINT) if missing else ("and could be rendered", "")
