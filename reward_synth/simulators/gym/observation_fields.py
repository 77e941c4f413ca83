"""Fields of environments without a MuJoCo model: the elements of the observation, by name.

The fields' expressions read the observation as one flat vector (see :func:`~reward_synth.state.spaces.flatten`).
Names and units come from the class's docstring, if it has a table of them. Ranges come from the observation space.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from reward_synth.simulators.gym.docstring_tables import Element, choices, elements
from reward_synth.simulators.gym.mujoco_names import identifier
from reward_synth.state.fields import ActionDimension, Field, choice_of
from reward_synth.state.spaces import parts

MOST_SCALARS = 64
"""Up to this many elements get a field each. If there are more, and they have no names, they are one vector."""
OBSERVATION_KEY = "observation"
"""The key of a goal environment's dictionary that the documentation's table is about."""
_DOCUMENTED: tuple[tuple[str, ...], ...] = ((), (OBSERVATION_KEY,))
"""Paths of the elements that this table is about: the whole observation, or that part of it."""


def observation_fields(env: Any) -> list[Field]:
    """A field per element, and one vector per part of a dictionary."""
    fields: list[Field] = []
    for path, part, start in _parts(env):
        documented = path in _DOCUMENTED
        fields += _elements(part, _documentation(env), start) if documented else [_vector(path, part, start)]
    return fields


def dictionary_fields(env: Any) -> list[Field]:
    """For an environment on MuJoCo: the parts of its dictionary that the model does not contain, such as the goal.

    The part ``observation`` is left out, because the model's own fields give the same with names and units.
    """
    return [_vector(path, part, start) for path, part, start in _parts(env) if path not in _DOCUMENTED]


def observation_actions(env: Any) -> list[ActionDimension]:
    """The elements of the action, or the choices of a discrete one, under the documentation's names."""
    space = env.action_space
    if isinstance(space, spaces.Discrete):
        return _choices(int(space.n), _documentation(env))
    size = int(space.shape[0])
    named = elements(_documentation(env), "Action", size) or _numbered("action", size)
    # The documentation gives units, but not how much 1.0 is in these units.
    return [
        ActionDimension(number, each.name, "1", float(space.low[number]), float(space.high[number]), each.doc)
        for number, each in enumerate(named)
    ]


def _choices(count: int, documentation: str) -> list[ActionDimension]:
    named = choices(documentation, count)
    if named is None:
        return choice_of((f"action_{number}", f"Action {number}.") for number in range(count))
    return choice_of((each.name, each.doc) for each in named)


def _parts(env: Any) -> Iterator[tuple[tuple[str, ...], Any, int]]:
    """The parts of the unwrapped environment's observation, each with its first index in the vector."""
    start = 0
    for path, part in parts(env.unwrapped.observation_space):
        yield path, part, start
        start += spaces.flatdim(part)


def _documentation(env: Any) -> str:
    return inspect.getdoc(type(env.unwrapped)) or ""


def _numbered(what: str, size: int) -> tuple[Element, ...]:
    return tuple(Element(f"{what}_{number}", "1", f"Element {number} of the {what}.") for number in range(size))


def _elements(space: Any, documentation: str, start: int) -> list[Field]:
    size = spaces.flatdim(space)
    low, high = _bounds(space)
    named = elements(documentation, "Observation", size)
    if named is None and size > MOST_SCALARS:
        return [_vector((OBSERVATION_KEY,), space, start)]
    return [
        Field(each.name, (), each.unit, low[n], high[n], each.doc, code=f"observation[{start + n}]")
        for n, each in enumerate(named or _numbered("observation", size))
    ]


def _vector(path: tuple[str, ...], space: Any, start: int) -> Field:
    name, end = identifier("_".join(path), "part"), start + spaces.flatdim(space)
    low, high = _bounds(space)
    doc = f"Elements {start} to {end - 1} of the observation as a vector."
    if path != (OBSERVATION_KEY,):
        doc = f"The part `{'.'.join(path)}` of the observation: its elements {start} to {end - 1}."
    return Field(name, (end - start,), "1", min(low), max(high), doc, code=f"observation[{start}:{end}]")


def _bounds(space: Any) -> tuple[list[float], list[float]]:
    """Smallest and largest value of each element. The largest number of a type does not count as a bound."""
    low, high = (np.asarray(each, dtype=np.float64).reshape(-1) for each in (space.low, space.high))
    largest = np.finfo(np.float32).max
    low = np.where(low <= -largest, -np.inf, low)
    high = np.where(high >= largest, np.inf, high)
    return low.tolist(), high.tolist()
