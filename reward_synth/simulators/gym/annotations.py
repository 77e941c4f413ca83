"""What an annotation of a MuJoCo environment holds: names, signs and key fields beyond its compiled model.

An annotation applies where the environment's class and its model's joints and bodies are the ones it was written
for; any other model, a custom ``xml_file`` included, gets the generated table alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reward_synth.simulators.gym.mujoco_names import ModelNames, body_velocity, touching
from reward_synth.state.fields import SWITCH_UNIT, Field

INF = math.inf


@dataclass(frozen=True)
class Annotation:
    """What is known about one environment beyond its compiled model.

    :param environment: class name of the environment, which is the same for its versions.
    :param description: one line for the choice of an environment by goal.
    :param fall: what ends an episode early where the argument `terminate_when_unhealthy` is true, as it is unless set.
    :param joints: joint in the model → readable name. All joints of the model must be listed.
    :param bodies: body in the model (its number where it has no name) → readable name, where they differ.
    :param signs: readable joint name → what its positive direction does.
    :param covered: joints whose generated fields the annotated ones replace.
    :param fields: makes the annotated fields.
    :param essential: names of the fields that the short stub shows, annotated or generated.
    """

    environment: str
    description: str
    joints: Mapping[str, str]
    fields: Callable[[ModelNames], list[Field]]
    essential: tuple[str, ...]
    bodies: Mapping[Any, str] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)
    covered: frozenset[str] = frozenset()
    fall: str = ""

    def describe(self, arguments: Mapping[str, Any]) -> str:
        """The description, and which episodes end early with these arguments."""
        if not self.fall:
            return self.description
        falls = arguments.get("terminate_when_unhealthy", True)
        return f"{self.description} {self.fall if falls else 'No fall ends an episode.'}"

    def applies(self, env: Any) -> bool:
        """True if the unwrapped environment is the one that this was written for."""
        model = env.model
        bodies = {model.body(b).name or b for b in range(model.nbody)}
        return (
            type(env).__name__ == self.environment
            and {model.joint(j).name for j in range(model.njnt)} == set(self.joints)
            and bodies.issuperset(self.bodies)
        )


def mark_essential(fields: list[Field], essential: tuple[str, ...]) -> list[Field]:
    """The fields with the essential ones first, in the given order, and marked."""
    by_name = {f.name: f for f in fields}
    first = [replace(by_name[name], essential=True) for name in essential]
    return first + [f for f in fields if f.name not in essential]


def scalar(name: str, unit: str, doc: str, code: str, low: float = -INF, high: float = INF) -> Field:
    """A field of one number."""
    return Field(name, (), unit, low, high, doc, code=code)


def vector(name: str, unit: str, doc: str, code: tuple[str, ...], low: float = -INF, high: float = INF) -> Field:
    """A field of several numbers, each with its own expression."""
    return Field(name, (len(code),), unit, low, high, doc, code=f"({', '.join(code)})")


def planar_root(names: ModelNames, speed: str, tall: str = "", level: str = "as at the start") -> list[Field]:
    """Torso of a robot in the x-z plane on joints rootx, rootz and rooty: exact at the step's end.

    :param speed: a sentence on usual speeds, so that a reward can be scaled to them.
    :param tall: what torso_height is; left out, its value at the start.
    :param level: where torso_pitch is 0.
    """
    model, slide = names.model, names.joint("rootz")
    offset = float(model.body_pos[names.body("torso"), 2] - model.qpos0[model.jnt_qposadr[slide]])
    height = names.position("rootz") + (f" + {offset!r}" if offset else "")
    x, z, pitch = (names.velocity(joint) for joint in ("rootx", "rootz", "rooty"))
    lean = f"Tilt of the torso; 0 = {level}, + = leaning forward; not wrapped: 2π = a whole front flip."
    return [
        scalar("x_position", "m", "Position of the torso; + = forward.", names.position("rootx")),
        scalar("x_velocity", "m/s", f"Velocity of the torso; + = forward, negative = backward. {speed}".strip(), x),
        scalar("torso_height", "m", tall or start_height(names), height, low=0),
        scalar("z_velocity", "m/s", "Vertical velocity of the torso; + = up.", z),
        scalar("torso_pitch", "rad", lean, names.position("rooty")),
        scalar("torso_pitch_velocity", "rad/s", "Rate of torso_pitch; + = tipping forward.", pitch),
    ]


def start_height(names: ModelNames) -> str:
    """What torso_height is, and where it starts."""
    height = float(names.model.body_pos[names.body("torso"), 2])
    return f"Height of the torso's centre above the ground; {height:.3g} at the start."


def free_root(names: ModelNames, up: str, forward: tuple[str, str] | None) -> list[Field]:
    """Torso of a robot that moves freely on the joint ``root``.

    :param up: expression of the world z component of the axis that points up when the robot stands.
    :param forward: expressions of the world x and y components of the axis that points forward, if any.
    """
    upright = "Cosine of the torso's tilt: 1 = upright, 0 = on its side, -1 = upside down."
    fields = [
        scalar("x_position", "m", "Position of the torso along world x; + = forward.", "data.qpos[0]"),
        scalar("y_position", "m", "Position of the torso along world y; + = left.", "data.qpos[1]"),
        scalar("x_velocity", "m/s", "Velocity of the torso along world x; + = forward.", "data.qvel[0]"),
        scalar("y_velocity", "m/s", "Velocity of the torso along world y; + = left.", "data.qvel[1]"),
        scalar("z_velocity", "m/s", "Vertical velocity of the torso; + = up.", "data.qvel[2]"),
        scalar("torso_height", "m", start_height(names), "data.qpos[2]", low=-0.1),
        scalar("up_alignment", "1", upright, up, -1, 1),
    ]
    if forward is not None:
        doc = "Direction that the torso faces, seen from above: 0 = +x, + = turned left; wraps at ±π."
        code = f"np.arctan2({forward[1]}, {forward[0]})"
        fields.append(scalar("heading_angle", "rad", doc, code, -math.pi, math.pi))
    return fields


def geom_height(names: ModelNames, name: str, geom: str, doc: str) -> Field:
    """Height of a geom's centre."""
    return scalar(name, "m", doc, f"data.geom_xpos[{names.geom(geom)}][2]", low=-0.1)


def geom_contact(names: ModelNames, name: str, geom: str, what: str) -> Field:
    """1.0 while a geom touches anything."""
    doc = f"1 while {what} touches the ground or another body, else 0."
    return scalar(name, SWITCH_UNIT, doc, touching([names.geom(geom)]), 0, 1)


def plane_velocity(names: ModelNames, body: str) -> tuple[str, str]:
    """Expressions of the x and y velocity of a body's origin."""
    parts = body_velocity(names.model, names.body(body))[1:-1].split(", ")
    return parts[0], parts[1]
