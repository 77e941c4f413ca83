"""Simulator adapters and their field tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest

if TYPE_CHECKING:
    from reward_synth.state.fields import Simulator

__all__ = ["describe_environment", "environments", "get_simulator", "simulator_names", "simulator_of"]


def simulator_names() -> tuple[str, ...]:
    """Names that :func:`get_simulator` accepts, whether their extras are installed or not."""
    return ("gym", "metaworld", "maniskill", "crafter")


def get_simulator(name: str) -> Simulator:
    """The adapter of that name; RewardSynthError for an unknown one."""
    # glfw, which Gymnasium's MuJoCo part imports, tries its library by `python -c`: that would run a struct.py that
    # lies in the working folder, with every key in its environment.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    if name == "gym":
        from reward_synth.simulators.gym.adapter import GymMujoco

        return GymMujoco()
    if name == "maniskill":
        from reward_synth.simulators.maniskill.adapter import ManiSkill

        return ManiSkill()
    if name == "metaworld":
        from reward_synth.simulators.metaworld.adapter import MetaWorld

        return MetaWorld()
    if name == "crafter":
        from reward_synth.simulators.crafter.adapter import Crafter

        return Crafter()
    names = simulator_names()
    hint = did_you_mean(nearest(name, names, cutoff=0.3), f"there is: {', '.join(names)}")
    raise RewardSynthError(f"unknown simulator {name!r}", hint)


def environments() -> dict[str, str]:
    """Ids of all installed environments that are known by name, with a one-line description each."""
    return {env_id: text for name in simulator_names() for env_id, text in get_simulator(name).environments().items()}


def simulator_of(env_id: str) -> str:
    """Name of the simulator that an environment's id belongs to; ``gym`` for an unknown one."""
    from reward_synth.simulators.crafter import tasks as crafter_tasks
    from reward_synth.simulators.maniskill import tasks as maniskill_tasks
    from reward_synth.simulators.metaworld import tasks as metaworld_tasks

    if env_id in crafter_tasks.TASKS:
        return "crafter"
    if env_id in maniskill_tasks.TASKS:
        return "maniskill"
    return "metaworld" if env_id in metaworld_tasks.TASKS else "gym"


def describe_environment(env_id: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> str:
    """What an environment made with these arguments is, in a line or two, for the designer's prompt."""
    return get_simulator(simulator_of(env_id)).describe(env_id, arguments)
