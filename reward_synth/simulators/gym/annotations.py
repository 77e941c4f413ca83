"""Names, signs and key fields of MuJoCo environments, from ``annotations.json``: what compiled models do not contain.

An annotation applies only to the environment class, joints and bodies that it was written for. Any other model, such
as a custom ``xml_file``, gets the generated table alone. The tests compare signs and fields with the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pydantic

from reward_synth.core.data import read_data
from reward_synth.core.types import Value
from reward_synth.simulators.data import FieldRow, fields_of
from reward_synth.simulators.gym.mujoco_names import Texts
from reward_synth.state.fields import Field


class Annotation(Value):
    """What is known about one environment beyond its compiled model."""

    environment: str = ""
    """Class name of the environment, which is the same for its versions."""
    why: str = ""
    """A remark for readers of the file."""
    description: str = ""
    """One line, for choosing an environment by goal."""
    fall: str = ""
    """What ends an episode early if the argument ``terminate_when_unhealthy`` is true, which is the default."""
    healthy: dict[str, str | tuple[float, float]] = pydantic.Field(default_factory=dict)
    """Field → the bounds that it must keep or the episode ends, or the environment's attribute that holds them."""
    joints: dict[str, str] = pydantic.Field(default_factory=dict)
    """Joint in the model → readable name. The annotation applies only if all joints of the model are listed."""
    bodies: dict[str, str] = pydantic.Field(default_factory=dict)
    """Body in the model (its number if it has no name) → readable name, if they differ."""
    signs: dict[str, str] = pydantic.Field(default_factory=dict)
    """Readable joint name → what its positive direction does."""
    covered: frozenset[str] = frozenset()
    """Joints whose generated fields the annotated ones replace."""
    texts: dict[str, str] = pydantic.Field(default_factory=dict)
    """Placeholders in the texts of ``fields``, besides those of :class:`Texts`. ``speed`` says which speeds are usual,
    so that a reward can be scaled to them."""
    fields: tuple[str | FieldRow, ...]
    """Rows of fields, and names of groups of rows."""
    essential: tuple[str, ...]
    """Names of the fields that the short stub shows, annotated or generated."""

    def describe(self, arguments: Mapping[str, Any]) -> str:
        """The description, and which episodes end early with these arguments."""
        if not self.fall:
            return self.description
        falls = arguments.get("terminate_when_unhealthy", True)
        return f"{self.description} {self.fall if falls else 'No fall ends an episode.'}"

    def applies(self, env: Any) -> bool:
        """True if the unwrapped environment is the one that this was written for."""
        model = env.model
        bodies = {model.body(b).name or str(b) for b in range(model.nbody)}
        return (
            type(env).__name__ == self.environment
            and {model.joint(j).name for j in range(model.njnt)} == set(self.joints)
            and bodies.issuperset(self.bodies)
        )

    def key_fields(self, model: Any) -> list[Field]:
        """The annotated fields of a compiled model."""
        rows = [row for each in self.fields for row in (_FILE.groups[each] if isinstance(each, str) else [each])]
        return fields_of(rows, Texts(model, {**_FILE.texts, **self.texts}))

    def with_bounds(self, fields: Sequence[Field], env: Any) -> list[Field]:
        """The fields, with the bounds that end an episode of this unwrapped environment."""
        if not getattr(env, "_terminate_when_unhealthy", True):
            return list(fields)
        bounds = {name: getattr(env, each) if isinstance(each, str) else each for name, each in self.healthy.items()}
        return [replace(each, healthy=bounds.get(each.name)) for each in fields]


class _Annotations(Value):
    texts: dict[str, str]
    groups: dict[str, tuple[FieldRow, ...]]
    environments: dict[str, Annotation]


_FILE = read_data(__file__, "annotations.json", _Annotations)
ANNOTATIONS = _FILE.environments
"""Environment id → annotation, of the current version of each of Gymnasium's eleven standard MuJoCo environments."""


def find_annotation(env: Any) -> Annotation | None:
    """The annotation of an unwrapped environment, or None."""
    return next((annotation for annotation in ANNOTATIONS.values() if annotation.applies(env)), None)


def mark_essential(fields: list[Field], essential: tuple[str, ...]) -> list[Field]:
    """The fields with the essential ones first, in the given order, and marked."""
    by_name = {f.name: f for f in fields}
    first = [replace(by_name[name], essential=True) for name in essential]
    return first + [f for f in fields if f.name not in essential]
