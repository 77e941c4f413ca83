"""MetaWorld v3: a Sawyer arm at a table, 50 tasks. Needs the extra ``metaworld``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.extra import ExtraSimulator
from reward_synth.simulators.metaworld.tasks import TASKS
from reward_synth.simulators.protocol import Expert
from reward_synth.simulators.versions import Verified
from reward_synth.state.table import FieldTable


class MetaWorld(ExtraSimulator):
    """The simulator ``metaworld``: environments like ``window-close-v3``, with a new goal in every episode.

    If the argument ``goal_observable`` is false, the policy sees zeros in place of the target's position, but rewards
    can still read it; the default is true. Upstream's argument for the native reward is left out, because its version 1
    changes success too.
    """

    name = "metaworld"
    trial = "drawer-open-v3"
    planned_per_second = 6_000.0
    camera = "corner3"
    title, module, verified = "MetaWorld", "metaworld", Verified("metaworld", ("3.1",))
    mujoco = "3.3.0"
    tasks = TASKS
    default_horizon = 200
    """Upstream stops at 500 steps; its experts need 40 to 120."""
    arguments = ("goal_observable", "render_mode", "camera_name", "camera_id", "width", "height")
    render_modes = ("rgb_array", "human", "depth_array")

    def build(self, env_id: str, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
        """The environment without a time limit."""
        if not isinstance(arguments.get("goal_observable", True), bool):
            raise RewardSynthError(f"{env_id}: goal_observable must be true or false")
        from reward_synth.simulators.metaworld.env import environment_class

        try:
            return environment_class(env_id)(**arguments)
        except (TypeError, ValueError, OSError) as error:
            raise RewardSynthError(f"{env_id} cannot be made with arguments {arguments}: {error}") from error

    def table(self, base: Any) -> FieldTable:
        """The table of an unwrapped environment."""
        from reward_synth.simulators.metaworld.fields import field_table

        return field_table(base)

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with what the policy sees."""
        target = "the target's position" if arguments.get("goal_observable", True) else "no target"
        return (
            f"{self.summary(env_id)} The policy sees the hand, how far the fingers are open, and the"
            f" objects, now and a step before, and {target}."
        )

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """Upstream's scripted policy for the environment."""
        from reward_synth.simulators.metaworld.experts import expert

        return [expert(env.unwrapped)]
