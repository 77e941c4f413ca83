"""Fields of environments without a MuJoCo model: the elements of the observation, by name.

The observation is laid out as one flat vector (see :class:`~reward_synth.state.spaces.VectorObservation`); the
fields' expressions read that. Names and units come from the class's own documentation, where it has a table of them,
ranges from the observation space.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from reward_synth.simulators.gym.docstring_tables import Element, choices, elements
from reward_synth.simulators.gym.mujoco_names import identifier
from reward_synth.state.fields import ActionDimension, Field, choice_of
from reward_synth.state.spaces import parts

MOST_SCALARS = 64
"""So many elements get a field each; more of them, and without names, are one vector."""
OBSERVATION_KEY = "observation"
"""The key of a goal environment's dictionary that the documentation's table is about."""


def observation_fields(env: Any) -> list[Field]:
    """A field per element, and one vector per part of a dictionary."""
    space = _own_space(env)
    if not isinstance(space, spaces.Dict):
        return _elements(space, _documentation(env), 0)
    fields: list[Field] = []
    start = 0
    for path, part in parts(space):
        size = spaces.flatdim(part)
        if path == (OBSERVATION_KEY,):
            fields += _elements(part, _documentation(env), start)
        else:
            fields.append(_vector(path, part, start, size))
        start += size
    return fields


def dictionary_fields(env: Any) -> list[Field]:
    """For an environment on MuJoCo: the parts of its dictionary, which the model does not know, such as the goal.

    The part ``observation`` is left out: the model's own fields say the same with names and units.
    """
    space = _own_space(env)
    if not isinstance(space, spaces.Dict):
        return []
    fields: list[Field] = []
    start = 0
    for path, part in parts(space):
        size = spaces.flatdim(part)
        if path != (OBSERVATION_KEY,):
            fields.append(_vector(path, part, start, size))
        start += size
    return fields


def observation_actions(env: Any) -> list[ActionDimension]:
    """The elements of the action, or the actions of which one is chosen, under the documentation's names."""
    space = env.action_space
    if isinstance(space, spaces.Discrete):
        return _choices(int(space.n), _documentation(env))
    size = int(space.shape[0])
    named = elements(_documentation(env), "Action", size) or [
        Element(f"action_{number}", "1", f"Element {number} of the action.") for number in range(size)
    ]
    # Documentation tells units without saying how much of them 1.0 stands for.
    return [
        ActionDimension(number, each.name, "1", float(space.low[number]), float(space.high[number]), each.doc)
        for number, each in enumerate(named)
    ]


def _choices(count: int, documentation: str) -> list[ActionDimension]:
    named = choices(documentation, count)
    if named is None:
        return choice_of((f"action_{number}", f"Action {number}.") for number in range(count))
    return choice_of((each.name, each.doc) for each in named)


def seconds_per_step(base: Any) -> float:
    """Seconds that one step takes, as far as an environment says it.

    Its attribute ``dt``, else ``tau`` (classic control's name), else one frame of its ``render_fps``, else 0.05 s.
    """
    for name in ("dt", "tau"):
        value = getattr(base, name, None)
        if isinstance(value, int | float | np.floating) and 0 < value < np.inf:
            return float(value)
    frames = (getattr(base, "metadata", None) or {}).get("render_fps")
    return 1.0 / float(frames) if isinstance(frames, int | float) and frames > 0 else 0.05


def _own_space(env: Any) -> Any:
    """The observation space as the environment itself has it, before it is laid out as a vector."""
    return env.unwrapped.observation_space


def _documentation(env: Any) -> str:
    return inspect.getdoc(type(env.unwrapped)) or ""


def _elements(space: Any, documentation: str, start: int) -> list[Field]:
    size = spaces.flatdim(space)
    low, high = _bounds(space)
    named: Sequence[Element] | None = elements(documentation, "Observation", size)
    if named is None and size > MOST_SCALARS:
        return [_vector((OBSERVATION_KEY,), space, start, size)]
    if named is None:
        named = [
            Element(f"observation_{number}", "1", f"Element {number} of the observation.") for number in range(size)
        ]
    return [
        Field(each.name, (), each.unit, low[n], high[n], each.doc, code=f"observation[{start + n}]")
        for n, each in enumerate(named)
    ]


def _vector(path: tuple[str, ...], space: Any, start: int, size: int) -> Field:
    name = identifier("_".join(path), "part")
    low, high = _bounds(space)
    doc = f"Elements {start} to {start + size - 1} of the observation as a vector."
    if path != (OBSERVATION_KEY,):
        doc = f"The part `{'.'.join(path)}` of the observation: its elements {start} to {start + size - 1}."
    return Field(name, (size,), "1", min(low), max(high), doc, code=f"observation[{start}:{start + size}]")


def _bounds(space: Any) -> tuple[list[float], list[float]]:
    """Smallest and largest value of each element; what a type can hold at most is no bound."""
    low, high = (np.asarray(each, dtype=np.float64).reshape(-1) for each in (space.low, space.high))
    largest = np.finfo(np.float32).max
    low = np.where(low <= -largest, -np.inf, low)
    high = np.where(high >= largest, np.inf, high)
    return low.tolist(), high.tolist()
