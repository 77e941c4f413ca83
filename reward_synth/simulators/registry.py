"""All simulators: one line for each of this package, and the entry points of other packages."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.simulators.versions import require_whole_mujoco

if TYPE_CHECKING:
    from reward_synth.simulators.protocol import Simulator

ADAPTERS: dict[str, str] = {
    "gym": "reward_synth.simulators.gym.adapter:GymMujoco",
    "metaworld": "reward_synth.simulators.metaworld.adapter:MetaWorld",
    "maniskill": "reward_synth.simulators.maniskill.adapter:ManiSkill",
    "crafter": "reward_synth.simulators.crafter.adapter:Crafter",
    "dmcontrol": "reward_synth.simulators.dmcontrol.adapter:ControlSuite",
}
"""Name → class of the adapter, imported when it is needed. This is a simulator's only line outside its folder."""

DEFAULT_SIMULATOR = "gym"
"""The simulator for every id that no other one knows."""

ENTRY_POINTS = "reward_synth.simulators"
"""Group in which another package names adapters of its own: ``mine = "my_package.adapter:Mine"``."""


def simulator_names() -> tuple[str, ...]:
    """Names that :func:`get_simulator` accepts, whether their extras are installed or not."""
    return (*ADAPTERS, *(name for name in _outside() if name not in ADAPTERS))


def get_simulator(name: str) -> Simulator:
    """The adapter of that name.

    :raises RewardSynthError: there is none, the package that names it cannot be imported, or MuJoCo cannot.
    """
    # glfw, which Gymnasium's MuJoCo part imports, tests its library with `python -c`. Without this variable, that would
    # run a struct.py from the working folder, with every key in its environment.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    place = ADAPTERS.get(name) or _outside().get(name)
    if place is None:
        names = simulator_names()
        hint = did_you_mean(nearest(name, names, cutoff=0.3), f"there is: {', '.join(names)}")
        raise RewardSynthError(f"unknown simulator {name!r}", hint)
    module, _, attribute = place.partition(":")
    try:
        adapter: Simulator = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, OSError) as error:
        if name in ADAPTERS:
            require_whole_mujoco()
            raise
        message = f"the simulator {name!r} cannot be imported from {place}: {error}"
        raise RewardSynthError(message, "install the package that brings it anew, or uninstall it") from error
    return adapter


def environments() -> dict[str, str]:
    """Ids of all installed environments that are known by name, with a one-line description each."""
    return {env_id: text for name in simulator_names() for env_id, text in get_simulator(name).environments().items()}


def simulator_of(env_id: str) -> str:
    """Name of the simulator that an environment's id belongs to; :data:`DEFAULT_SIMULATOR` for an unknown one."""
    others = (name for name in simulator_names() if name != DEFAULT_SIMULATOR)
    return next((name for name in others if get_simulator(name).knows(env_id)), DEFAULT_SIMULATOR)


def describe_environment(env_id: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> str:
    """What an environment made with these arguments is, in a line or two, for the designer's prompt."""
    return get_simulator(simulator_of(env_id)).describe(env_id, arguments)


@functools.cache
def _outside() -> dict[str, str]:
    """Simulators of other installed packages, by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
