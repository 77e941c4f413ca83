"""Fields of environments without a MuJoCo model: the elements of the observation, by name.

The fields' expressions read the observation as one flat vector (see :func:`~reward_synth.state.spaces.flatten`).
Names and units come from the class's docstring, if it has a table or a list of them, or from what is known of the class
(:mod:`~reward_synth.simulators.gym.known_elements`). Ranges come from the observation space.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from reward_synth.simulators.gym.docstring_tables import Element, choices, elements, listed
from reward_synth.simulators.gym.known_elements import Part, declared_features, featured_parts, known_parts
from reward_synth.simulators.gym.mujoco_names import identifier
from reward_synth.simulators.gym.unexplained import unexplained
from reward_synth.state.fields import SWITCH_UNIT, ActionDimension, Field, choice_of
from reward_synth.state.spaces import as_named, parts

MOST_SCALARS = 64
"""Up to this many elements get a field each. If there are more, and they have no names, they are one vector."""
OBSERVATION_KEY = "observation"
"""The key of a goal environment's dictionary that the documentation's table is about."""
_DOCUMENTED: tuple[tuple[str, ...], ...] = ((), (OBSERVATION_KEY,))
"""Paths of the elements that this table is about: the whole observation, or that part of it."""


def observation_fields(env: Any) -> list[Field]:
    """A field per element, and one vector per part of a dictionary."""
    fields: list[Field] = []
    layer = deciding(env, "observation")
    for path, part, start in _parts(env):
        documented = path in _DOCUMENTED and isinstance(part, spaces.Box)
        fields += (
            _elements(part, layer, start) if documented else [_vector(path, part, start, declared_features(layer))]
        )
    return fields


def dictionary_fields(env: Any) -> list[Field]:
    """For an environment on MuJoCo: the parts of its dictionary that the model does not contain, such as the goal.

    The part ``observation`` is left out, because the model's own fields give the same with names and units.
    """
    return [_vector(path, part, start) for path, part, start in _parts(env) if path not in _DOCUMENTED]


def remaining_fields(env: Any, model_fields: list[Field]) -> list[Field]:
    """For an environment on MuJoCo with one vector as observation: its elements that no field of the model gives.

    :return: empty if there are so many that they are no goal, but another view of the whole.
    :raises EnvironmentFault: it fails in its first steps.
    """
    space = as_named(env).observation_space
    if not isinstance(space, spaces.Box):
        return []
    left = unexplained(env, model_fields)
    if len(left) > MOST_SCALARS:
        return []
    taken = {field.name for field in model_fields}
    found, start = [], 0
    for field in _elements(space, deciding(env, "observation"), 0):
        if any(start <= place < start + field.size for place in left):
            found.append(replace(field, name=f"observed_{field.name}") if field.name in taken else field)
        start += field.size
    return found


def observation_actions(env: Any) -> list[ActionDimension]:
    """The elements of the action, or the choices of a discrete one, under the documentation's names."""
    space = env.action_space
    if isinstance(space, spaces.Discrete):
        return _choices(int(space.n), _documentation(env, "action"))
    size = int(space.shape[0])
    named = elements(_documentation(env, "action"), "Action", size) or _numbered("action", size)
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
    """The parts of the observation that the person's environment gives, each with its first index in the vector."""
    start = 0
    for path, part in parts(as_named(env).observation_space):
        yield path, part, start
        start += spaces.flatdim(part)


_CHANGE: dict[str, tuple[type[gymnasium.Wrapper[Any, Any, Any, Any]], ...]] = {
    "observation": (gymnasium.ObservationWrapper,),
    "action": (gymnasium.ActionWrapper,),
}
_KEEP = (gymnasium.wrappers.ClipAction, gymnasium.wrappers.RescaleAction)
"""Wrappers that leave each element in its place."""


def deciding(env: gymnasium.Env[Any, Any], what: str) -> gymnasium.Env[Any, Any]:
    """The outermost layer that decides what the elements of observation or action mean: a wrapper, or the environment.

    :param what: ``observation`` or ``action``.
    """
    layer: Any = as_named(env)
    while isinstance(layer, gymnasium.Wrapper):
        own = getattr(layer, f"_{what}_space", None) is not None or isinstance(layer, _CHANGE[what])
        if own and not isinstance(layer, _KEEP):
            break
        layer = layer.env
    return layer


def _documentation(env: Any, what: str) -> str:
    return inspect.getdoc(type(deciding(env, what))) or ""


def _numbered(what: str, size: int) -> tuple[Element, ...]:
    return tuple(Element(f"{what}_{number}", "1", f"Element {number} of the {what}.") for number in range(size))


def _elements(space: Any, layer: Any, start: int) -> list[Field]:
    size = spaces.flatdim(space)
    documentation = inspect.getdoc(type(layer)) or ""
    named = elements(documentation, "Observation", size) or listed(documentation, "Observation", size)
    known = () if named else known_parts(layer, size) or featured_parts(layer, space.shape)
    if not named and not known and size > MOST_SCALARS:
        return [_vector((OBSERVATION_KEY,), space, start)]
    rows = named or _numbered("observation", size)
    return list(
        _part_fields(known or [Part(name=each.name, unit=each.unit, doc=each.doc) for each in rows], space, start)
    )


def _part_fields(known: Iterable[Part], space: Any, start: int) -> Iterator[Field]:
    """A field per quantity: a number, or a vector of neighbouring elements."""
    low, high = _bounds(space)
    place = 0
    for part in known:
        end = place + part.size
        least, most = min(low[place:end]), max(high[place:end])
        one = part.size == 1
        code = f"observation[{start + place}]" if one else f"observation[{start + place}:{start + end}]"
        doc = f"{part.doc.removesuffix('.')}."
        yield Field(part.name, () if one else (part.size,), part.unit, least, most, doc, code=code)
        place = end


def _vector(path: tuple[str, ...], space: Any, start: int, features: Sequence[str] = ()) -> Field:
    name, size = identifier("_".join(path), OBSERVATION_KEY), spaces.flatdim(space)
    one, end = size == 1, start + size
    place = f"element {start}" if one else f"elements {start} to {end - 1}"
    what = f": {', '.join(features)}" if len(features) == size else ""
    doc = f"The part `{'.'.join(path)}` of the observation: its {place}{what}."
    if path in _DOCUMENTED:
        doc = f"{place.capitalize()} of the observation as a vector."
    if not isinstance(space, spaces.Box):
        doc += f" {_switches(space)}"
    low, high = _bounds(spaces.flatten_space(space))
    unit = "1" if isinstance(space, spaces.Box) else SWITCH_UNIT
    code = f"observation[{start}]" if one else f"observation[{start}:{end}]"
    return Field(name, () if one else (size,), unit, min(low), max(high), doc, code=code)


def _switches(space: Any) -> str:
    if isinstance(space, spaces.MultiBinary):
        return "Each is on or off."
    if isinstance(space, spaces.MultiDiscrete):
        return f"Choices among {', '.join(map(str, space.nvec.ravel()))}, one after the other: 1 for what is chosen."
    return f"A choice among {space.n}: 1 for the one that holds, counted from {space.start}."


def _bounds(space: Any) -> tuple[list[float], list[float]]:
    """Smallest and largest value of each element. The largest number of a type does not count as a bound."""
    low, high = (np.asarray(each, dtype=np.float64).reshape(-1) for each in (space.low, space.high))
    largest = np.finfo(np.float32).max
    low = np.where(low <= -largest, -np.inf, low)
    high = np.where(high >= largest, np.inf, high)
    return low.tolist(), high.tolist()
