"""Crafter: Minecraft's essentials on a grid, for tasks such as finding a tree. Needs the extra ``crafter``."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.simulators.crafter.tasks import TASKS
from reward_synth.state.fields import Expert, FieldTable

INSTALL_LINE = 'pip install "reward-synth[crafter]"'

ARGUMENTS = ("side", "worlds", "distance", "render_mode")
"""What environments accept."""
DEFAULT_SIDE = 64
DEFAULT_WORLDS = 256
DEFAULT_DISTANCES = {"near_diamond": (3, 16), "far_from_tree": (7, 30), "far_from_cow": (8, 30)}
"""By start, the steps to what is sought. A random player comes upon a nearer cow in every seventh episode."""

SEEN_BY_POLICY = (
    "The policy sees of each kind the nearest in view, the cells beside it, what it has, where it is from the start,"
    " on which cells in view it can walk and has been, and how much of what lies up to two views away has been in view."
)


class Crafter:
    """The simulator ``crafter``: environments like ``crafter-collect-wood``, one per task."""

    name = "crafter"

    discrete_actions = True
    """An action is one of seventeen; learners for continuous actions cannot be used."""

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps, not yet reset.

        :param env_id: one of :data:`~reward_synth.simulators.crafter.tasks.TASKS`.
        :param arguments: ``side`` of the world in cells (64; 16 to 256), ``worlds``: how many different ones there are
            (256; 0 draws a new one for each episode), and for starts away from something ``distance``, the smallest
            and the largest, in steps.
        :param horizon: steps until truncation; None for the task's own.
        :raises RewardSynthError: for an unknown id or argument, an unfit value, or without the extra.
        """
        if horizon is not None and horizon < 1:
            raise RewardSynthError(f"the horizon must be at least 1 step, not {horizon}")
        if env_id not in TASKS:
            raise RewardSynthError(f"unknown Crafter environment {env_id!r}", _nearest_environments(env_id))
        unknown = sorted(set(arguments) - set(ARGUMENTS))
        if unknown:
            hint = f"it accepts: {', '.join(ARGUMENTS)}"
            raise RewardSynthError(f"{env_id} has no argument {', '.join(map(repr, unknown))}", hint)
        task = TASKS[env_id]
        side = _whole(env_id, "side", arguments.get("side", DEFAULT_SIDE), 16, 256)
        worlds = _whole(env_id, "worlds", arguments.get("worlds", DEFAULT_WORLDS), 0, 2**31 - 1)
        distance = _distance(env_id, arguments.get("distance", DEFAULT_DISTANCES.get(task.start, (1, 1))))
        if "distance" in arguments and task.start == "clearing":
            raise RewardSynthError(f"{env_id} starts in a clearing: `distance` would do nothing", "leave it out")
        render_mode = arguments.get("render_mode")
        if render_mode not in (None, "rgb_array"):
            raise RewardSynthError(f"{env_id} cannot be rendered as {render_mode!r}", "use rgb_array")
        try:
            from reward_synth.simulators.crafter.env import CrafterEnv
        except ImportError as error:
            raise RewardSynthError(
                f"{env_id} needs Crafter, which cannot be imported: {error}", INSTALL_LINE
            ) from error
        env = CrafterEnv(task, side, worlds, distance, render_mode)
        return gymnasium.wrappers.TimeLimit(env, horizon or task.horizon)

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for all.

        :raises RewardSynthError: for an environment that this simulator did not make.
        """
        from reward_synth.simulators.crafter.env import CrafterEnv
        from reward_synth.simulators.crafter.fields import field_table

        if not isinstance(env.unwrapped, CrafterEnv):
            hint = 'make it with reward_synth.simulators.get_simulator("crafter").make(env_id, {})'
            raise RewardSynthError(f"{type(env.unwrapped).__name__} was not made by this simulator", hint)
        return field_table(env.unwrapped)

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """1.0: the game knows steps, not seconds."""
        return 1.0

    def environments(self) -> dict[str, str]:
        """All of them with a short description each; empty without the extra."""
        if importlib.util.find_spec("crafter") is None:
            return {}
        return {env_id: task.description for env_id, task in TASKS.items()}

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """As :meth:`environments`, with how far away that is which is sought, and what the policy sees."""
        task = TASKS[env_id]
        told = [task.description]
        if task.start in DEFAULT_DISTANCES:
            nearest, farthest = arguments.get("distance", DEFAULT_DISTANCES[task.start])
            told.append(f"The nearest is {nearest} to {farthest} steps from the start, across and down.")
        return " ".join([*told, SEEN_BY_POLICY])

    def horizon(self, env_id: str) -> int:
        """Steps of an episode where no task says how many."""
        return TASKS[env_id].horizon if env_id in TASKS else 300

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """A walker that knows the map, for tasks that have an end; none for the whole game."""
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


def _nearest_environments(env_id: str) -> str:
    wanted = env_id.lower().replace("_", "-")
    candidate = wanted if wanted.startswith("crafter-") else f"crafter-{wanted}"
    return did_you_mean(nearest(candidate, list(TASKS), count=3, cutoff=0.5), f"there are: {', '.join(TASKS)}")
