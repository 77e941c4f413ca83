"""What a reward may read of MetaWorld's environments: gripper, objects, target, and how all of it began."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.gym.annotations import mark_essential, scalar
from reward_synth.simulators.gym.mujoco_names import body_velocity
from reward_synth.simulators.metaworld.tasks import TASKS, Thing
from reward_synth.state.fields import SWITCH_UNIT, ActionDimension, Field
from reward_synth.state.table import FieldTable

INF = math.inf

SUCCESS = "task_success"
"""Name of the field that holds upstream's success."""

# Where upstream's observation of one instant, shape (18,), holds what.
_HAND, _OPENNESS = slice(0, 3), 3
_POSITIONS = (slice(4, 7), slice(11, 14))
_QUATERNIONS = (slice(7, 11), slice(14, 18))

_AXES = "x: + = right as the robot sees it, y: + = away from the robot, z: + = up"

ACTIONS = (
    ActionDimension(0, "hand_x", "0.01 m", -1.0, 1.0, "Shifts the hand in this step; + = right, increases x."),
    ActionDimension(1, "hand_y", "0.01 m", -1.0, 1.0, "Shifts the hand; + = away from the robot, increases y."),
    ActionDimension(2, "hand_z", "0.01 m", -1.0, 1.0, "Shifts the hand; + = up, increases z."),
    ActionDimension(3, "grip", "1", -1.0, 1.0, "Effort of the fingers; + closes them, negative opens them."),
)


def field_table(env: Any) -> FieldTable:
    """The table of an unwrapped environment that :mod:`reward_synth.simulators.metaworld.env` made."""
    task = TASKS[env.env_id]
    fields = [
        _read("gripper_position", 3, "m", f"Middle between the fingertips. {_AXES}.", _gripper, -1.0, 1.5),
        _read("gripper_openness", 0, "1", _OPENNESS_DOC, _observed(_OPENNESS), 0.0, 1.0),
    ]
    for number, thing in enumerate(task.things):
        low, high = (-INF, INF) if thing.turns and thing.name != "door_handle" else (-1.0, 1.5)
        read = _observed(_POSITIONS[number])
        fields.append(_read(f"{thing.name}_position", 3, "m", thing.doc, read, low, high))
    fields.append(_read("target_position", 3, "m", _target_doc(env.env_id), _target, -1.0, 1.5))
    fields += _measures(env)
    fields += _starts(task.things)
    essential = tuple(field.name for field in fields)
    for number, thing in enumerate(task.things):
        if thing.turns:
            doc = f"Orientation of the {_spoken(thing)}: unit quaternion w, x, y, z."
            read = _quaternion(number, scalar_last=task.rotated is not None)
            fields.append(_read(f"{thing.name}_quaternion", 4, "1", doc, read, -1.0, 1.0))
    fields += _hand(env)
    fields.append(Field(SUCCESS, (), SWITCH_UNIT, 0.0, 1.0, _SUCCESS_DOC, _success, judge_only=True))
    return FieldTable(mark_essential(fields, essential), ACTIONS)


_OPENNESS_DOC = "How far the fingers are apart: 1 = open, about 0.26 = shut with nothing between them."
_SUCCESS_DOC = "MetaWorld's own success of this step; 0 at the start of an episode."


def _target_doc(env_id: str) -> str:
    return f"{TASKS[env_id].target} It stays for the episode."


def _starts(things: tuple[Thing, ...]) -> list[Field]:
    doc = "{} at the start of the episode."
    fields = [_read("gripper_start_position", 3, "m", doc.format("gripper_position"), _gripper_start, -1.0, 1.5)]
    for number, thing in enumerate(things):
        name = f"{thing.name}_position"
        read = _started(_POSITIONS[number])
        fields.append(_read(f"{thing.name}_start_position", 3, "m", doc.format(name), read, -1.0, 1.5))
    return fields


def _hand(env: Any) -> list[Field]:
    """The hand, which is what the policy observes, and each fingertip."""
    number = int(env.model.body("hand").id)
    place = "Position of the hand, 0.045 m above gripper_position; the policy observes it in place of that."
    speed = Field(
        "hand_velocity", (3,), "m/s", -INF, INF, "Velocity of the hand.", code=body_velocity(env.model, number)
    )
    fields = [_read("hand_position", 3, "m", place, _observed(_HAND), -1.0, 1.5), speed]
    for side, site in (("left", "leftEndEffector"), ("right", "rightEndEffector")):
        code = f"data.site_xpos[{int(env.model.site(site).id)}]"
        doc = f"Tip of the {side} finger."
        fields.append(Field(f"{side}_fingertip_position", (3,), "m", -1.0, 1.5, doc, code=code))
    return fields


def _spoken(thing: Thing) -> str:
    return thing.name.replace("_", " ")


# Readers. Each takes the unwrapped environment.


def _read(
    name: str, size: int, unit: str, doc: str, read: Callable[[Any], Any], low: float = -INF, high: float = INF
) -> Field:
    return Field(name, (size,) if size else (), unit, low, high, doc, read)


def _observed(place: int | slice) -> Callable[[Any], Any]:
    return lambda env: env.seen[place]


def _started(place: slice) -> Callable[[Any], Any]:
    return lambda env: env.start[place]


def _quaternion(number: int, scalar_last: bool) -> Callable[[Any], Any]:
    place = _QUATERNIONS[number]
    if not scalar_last:
        return _observed(place)
    return lambda env: np.roll(env.seen[place], 1)


def _gripper(env: Any) -> FloatArray:
    middle: FloatArray = env.tcp_center
    return middle


def _gripper_start(env: Any) -> FloatArray:
    start: FloatArray = env.gripper_start
    return start


def _target(env: Any) -> FloatArray:
    target: FloatArray = env._target_pos
    return target


def _success(env: Any) -> float:
    success: float = env.judged_success()
    return success


# How far a drawer, window, door, button, lock or handle has moved along its joint, for the tasks with a spec.


@dataclass(frozen=True)
class Joint:
    """The field of the joint that follows those of arm and fingers in the model; ``sign`` is put before its value."""

    name: str
    unit: str
    doc: str
    low: float
    high: float
    sign: str = ""

    def field(self, env: Any) -> Field:
        """The field in a live environment."""
        place = int(env.model.joint("l_close").qposadr[0]) + 1
        return scalar(self.name, self.unit, self.doc, f"{self.sign}data.qpos[{place}]", self.low, self.high)


_DRAWER = Joint("drawer_opening", "m", "How far the drawer is pulled out, to the robot; 0 = shut.", -0.1, 0.4, "-")
_WINDOW = Joint("window_opening", "m", "How far the window is open; 0 = shut, 0.2 = wide open.", -0.1, 0.4)
_DOOR = Joint("door_angle", "rad", "How far the door is open, to the robot; 0 = shut.", -0.5, 3.0, "-")
_BUTTON = Joint("button_depth", "m", "How far the button is pressed in; 0 = not at all.", -0.1, 0.2, "-")
_HANDLE = Joint("handle_depth", "m", "How far the handle is pressed down; 0 = up.", -0.1, 0.3, "-")
_LOCK = Joint("lock_angle", "rad", "Turn of the lock's lever; 1.57 = locked, 0 = unlocked.", -1.0, 2.5)

JOINTS: dict[str, Joint] = {
    "button-press-topdown-v3": _BUTTON,
    "button-press-v3": _BUTTON,
    "door-close-v3": _DOOR,
    "door-open-v3": _DOOR,
    "door-unlock-v3": _LOCK,
    "drawer-close-v3": _DRAWER,
    "drawer-open-v3": _DRAWER,
    "handle-press-side-v3": _HANDLE,
    "handle-press-v3": _HANDLE,
    "handle-pull-v3": _HANDLE,
    "window-close-v3": _WINDOW,
    "window-open-v3": _WINDOW,
}
"""Environment id → its joint, where it has one and a shipped spec."""


def _measures(env: Any) -> list[Field]:
    if env.env_id == "peg-insert-side-v3":
        code, doc = f"data.site_xpos[{int(env.model.site('pegHead').id)}]", "Head of the peg, which goes into the hole."
        return [Field("peg_head_position", (3,), "m", -INF, INF, doc, code=code)]
    joint = JOINTS.get(env.env_id)
    return [joint.field(env)] if joint else []
