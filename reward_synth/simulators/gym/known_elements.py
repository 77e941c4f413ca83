"""What the elements of an observation are where no table says so: from ``elements.json``, or declared by the class.

``elements.json`` has the layouts that only an environment's code tells, by package and class. It holds for that number
of elements alone, so that another observation of the same class gets no wrong names.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pydantic

from reward_synth.core.data import read_data
from reward_synth.core.types import Value
from reward_synth.simulators.gym.mujoco_names import identifier


class Part(Value):
    """One or several neighbouring elements that are one quantity."""

    name: str
    size: int = 1
    unit: str = "1"
    doc: str


class _Known(Value):
    groups: dict[str, tuple[Part, ...]] = pydantic.Field(default_factory=dict)
    environments: dict[str, tuple[str | Part, ...]]
    """Top package and class → parts, and names of groups of parts."""


@cache
def _known() -> _Known:
    return read_data(__file__, "elements.json", _Known)


def known_parts(layer: Any, size: int) -> tuple[Part, ...]:
    """The quantities of an observation of ``size`` elements, in order; empty if they are not known.

    :param layer: the environment, or the wrapper, that decides what the elements mean.
    """
    kind, known = type(layer), _known()
    rows = known.environments.get(f"{kind.__module__.partition('.')[0]}.{kind.__name__}", ())
    found = tuple(part for row in rows for part in (known.groups[row] if isinstance(row, str) else (row,)))
    return found if sum(part.size for part in found) == size else ()


def declared_features(layer: Any) -> tuple[str, ...]:
    """The features of each row of the observation, where the environment lists them as highway-env does."""
    listed = getattr(getattr(layer, "observation_type", None), "features", None)
    if not isinstance(listed, list | tuple) or not all(isinstance(each, str) for each in listed):
        return ()
    return tuple(identifier(each, "") for each in listed)


def featured_parts(layer: Any, shape: tuple[int, ...]) -> tuple[Part, ...]:
    """An element per feature, or per row and feature, if the shape is theirs."""
    features = declared_features(layer)
    if not all(features) or len(set(features)) < len(features) or shape[-1:] != (len(features),) or len(shape) > 2:
        return ()
    if len(shape) == 1:
        return tuple(Part(name=name, doc=f"Feature {name}") for name in features)
    return tuple(
        Part(name=f"{name}_{row}", doc=f"Feature {name} in row {row}") for row in range(shape[0]) for name in features
    )
