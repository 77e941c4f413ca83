"""Crafter: Minecraft's essentials on a grid, for tasks such as finding a tree. Needs the extra ``crafter``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.crafter.tasks import TASKS
from reward_synth.simulators.extra import ExtraSimulator
from reward_synth.simulators.protocol import Expert
from reward_synth.simulators.versions import Verified
from reward_synth.state.table import FieldTable

DEFAULT_SIDE = 64
DEFAULT_WORLDS = 256
DEFAULT_DISTANCES = {"near_diamond": (3, 16), "far_from_tree": (7, 30), "far_from_cow": (8, 30)}
"""By start, smallest and largest distance to the target, in steps. In every seventh episode, a random player would find
a cow that is nearer."""

SEEN_BY_POLICY = (
    "The policy sees of each kind the nearest in view, the cells beside it, what it has, where it is from the start,"
    " on which cells in view it can walk and has been, and how much of what lies up to two views away has been in view."
)


class Crafter(ExtraSimulator):
    """The simulator ``crafter``: environments like ``crafter-collect-wood``, one per task.

    Arguments: ``side``, of the world, in cells (64; 16 to 256); ``worlds``, the number of different worlds (256; 0
    draws a new one for each episode); ``distance``, smallest and largest, in steps, for starts away from a target.
    """

    name = "crafter"
    trial = "crafter-collect-wood"
    discrete_actions = True
    exports = "with_package"
    title, module, verified = "Crafter", "crafter", Verified("crafter", ("1.8",))
    tasks = TASKS
    arguments = ("side", "worlds", "distance", "render_mode")
    never_early = False

    def build(self, env_id: str, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
        """The environment without a time limit."""
        task = TASKS[env_id]
        side = _whole(env_id, "side", arguments.get("side", DEFAULT_SIDE), 16, 256)
        worlds = _whole(env_id, "worlds", arguments.get("worlds", DEFAULT_WORLDS), 0, 2**31 - 1)
        distance = _distance(env_id, arguments.get("distance", DEFAULT_DISTANCES.get(task.start, (1, 1))))
        if "distance" in arguments and task.start == "clearing":
            raise RewardSynthError(f"{env_id} starts in a clearing: `distance` would do nothing", "leave it out")
        Verified("opensimplex", ("0.4",)).require(self.install_line)
        from reward_synth.simulators.crafter.env import CrafterEnv

        return CrafterEnv(task, side, worlds, distance, arguments.get("render_mode"))

    def table(self, base: Any) -> FieldTable:
        """The table of an unwrapped environment; it is the same for all."""
        from reward_synth.simulators.crafter.fields import field_table

        return field_table(base)

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """1.0, because the game has steps, but no seconds."""
        return 1.0

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with the distance to the target and with what the policy sees."""
        task = TASKS[env_id]
        told = [task.description]
        if task.start in DEFAULT_DISTANCES:
            nearest, farthest = arguments.get("distance", DEFAULT_DISTANCES[task.start])
            told.append(f"The nearest is {nearest} to {farthest} steps from the start, across and down.")
        return " ".join([*told, SEEN_BY_POLICY])

    def horizon(self, env_id: str) -> int:
        """Steps of an episode if no task sets them."""
        return TASKS[env_id].horizon if env_id in TASKS else 300

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """A scripted player that knows the map, for tasks that have an end; none for the whole game."""
        from reward_synth.simulators.crafter.experts import expert

        base: Any = env.unwrapped
        return [] if base.task.end == "death" else [expert(base)]


def _whole(env_id: str, name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RewardSynthError(f"{env_id}: `{name}` must be a whole number from {low} to {high}, not {value!r}")
    return value


def _distance(env_id: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise RewardSynthError(f"{env_id}: `distance` must be two numbers of steps, such as [3, 16], not {value!r}")
    nearest, farthest = (_whole(env_id, "distance", each, 1, 512) for each in value)
    if nearest > farthest:
        raise RewardSynthError(f"{env_id}: `distance` must rise, unlike {value!r}")
    return nearest, farthest
