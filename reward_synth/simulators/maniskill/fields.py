"""What a reward may read of ManiSkill's environments: gripper, arm, things on the table, the goal, and the start."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.gym.annotations import mark_essential
from reward_synth.simulators.maniskill.tasks import TASKS, ManiSkillTask, Thing
from reward_synth.state.fields import SWITCH_UNIT, ActionDimension, Field
from reward_synth.state.table import FieldTable

INF = math.inf

SUCCESS = "task_success"
"""Name of the field that holds upstream's success."""

_AXES = "x: + = away from the robot, y: + = left as the robot sees it, z: + = up, 0 = the table's top"
_REACH = 1.6
"""No part of the arm gets farther from the origin along any axis, in m."""

_WAYS = (("x", "away from the robot"), ("y", "to the left as the robot sees it"), ("z", "up"))
_FINGERS = "Where the fingers are driven to: 1 = wide open, -0.6 = shut, below it they press harder."

PEG_HALF_LENGTH = 0.12


def field_table(env: Any) -> FieldTable:
    """The table of an unwrapped environment that :mod:`reward_synth.simulators.maniskill.env` made."""
    task = TASKS[env.env_id]
    fields = [
        _read("gripper_position", 3, "m", f"Point between the fingertips. {_AXES}.", _place("tcp"), -_REACH, _REACH),
        _read("gripper_opening", 0, "m", _OPENING, _opening, -0.005, 0.085),
    ]
    fields += [_read(f"{each.name}_position", 3, "m", each.doc, _place(each.name)) for each in task.things]
    fields += _peg(task)
    if task.goal is not None:
        doc = f"{task.goal[1]} It stays for the episode."
        fields.append(_read("goal_position", 3, "m", doc, _place("goal"), -1.0, 1.0))
    if task.grasped is not None:
        doc = f"1 while both fingers press on the {_spoken(task.grasped)} from opposite sides, as in a grasp."
        fields.append(_switch(f"{task.grasped}_is_grasped", doc, lambda env: env.grasps(task.grasped)))
    if env.env_id in ("PickCube-v1", "PokeCube-v1"):
        fields.append(_read("arm_joint_speed", 0, "rad/s", _SPEED, _arm_speed, 0.0))
    if env.env_id == "StackCube-v1":
        fields += _motion(task.things[0])
    essential = tuple(field.name for field in fields)
    fields += _starts(task.things)
    for each in task.things:
        doc = f"Orientation of the {_spoken(each.name)}: unit quaternion w, x, y, z; it may change its sign."
        fields.append(_read(f"{each.name}_quaternion", 4, "1", doc, _turn(each.name), -1.0, 1.0))
        if env.env_id != "StackCube-v1" or each is not task.things[0]:
            fields += _motion(each)
    fields += _arm(env)
    fields.append(Field(SUCCESS, (), SWITCH_UNIT, 0.0, 1.0, _SUCCESS_DOC, _success, judge_only=True))
    return FieldTable(mark_essential(fields, essential), _actions(env))


_OPENING = "Distance between the fingers: 0.08 = wide open, 0 = shut with nothing between them."
_SPEED = "Largest speed of any joint of the arm; at most 0.2 counts as standing still."
_SUCCESS_DOC = "ManiSkill's own success of this step; 0 at the start of an episode."


def _actions(env: Any) -> tuple[ActionDimension, ...]:
    size = env.action_space.shape[0]
    if size == 4:
        doc = "Shifts the gripper in this step; + = {}."
        moves = [
            ActionDimension(i, f"gripper_{axis}", "0.1 m", -1.0, 1.0, doc.format(way))
            for i, (axis, way) in enumerate(_WAYS)
        ]
    else:
        doc = "Turns joint {} of the arm, counted from the base, in this step; + = positive angle."
        moves = [ActionDimension(i, f"joint_{i + 1}", "0.1 rad", -1.0, 1.0, doc.format(i + 1)) for i in range(7)]
    return (*moves, ActionDimension(size - 1, "fingers", "1", -1.0, 1.0, _FINGERS))


def _peg(task: ManiSkillTask) -> list[Field]:
    if all(each.name != "peg" for each in task.things):
        return []
    if task.goal is None:
        doc = (
            "Height of the higher end over the lower one, as a share of the peg's length: 0 = lies, 1 = stands upright."
        )
        return [_read("peg_uprightness", 0, "1", doc, lambda env: abs(_axis(env)[2]), 0.0, 1.0)]
    doc = "Head of the peg, the end towards the cube."
    return [_read("peg_head_position", 3, "m", doc, lambda env: env.poses["peg"][:3] + PEG_HALF_LENGTH * _axis(env))]


def _motion(thing: Thing) -> list[Field]:
    name, spoken = thing.name, _spoken(thing.name)
    return [
        _read(f"{name}_velocity", 3, "m/s", f"Velocity of the {spoken}.", lambda env: env.velocity(name)),
        _read(
            f"{name}_angular_velocity", 3, "rad/s", f"Angular velocity of the {spoken}.",
            lambda env: env.angular_velocity(name),
        ),
    ]  # fmt: skip


def _starts(things: tuple[Thing, ...]) -> list[Field]:
    doc = "{} at the start of the episode."
    fields = [_read("gripper_start_position", 3, "m", doc.format("gripper_position"), _start("tcp"), -_REACH, _REACH)]
    for each in things:
        name = f"{each.name}_position"
        fields.append(_read(f"{each.name}_start_position", 3, "m", doc.format(name), _start(each.name), -1.0, 1.0))
    return fields


def _arm(env: Any) -> list[Field]:
    # Upstream's StackCube has a hand with a camera, which starts turned by 90 degrees.
    down, axis = ("0, 0.71, 0.71, 0", "x") if env.env_id == "StackCube-v1" else ("0, 1, 0, 0", "y")
    turn = (
        f"Orientation of the gripper: unit quaternion w, x, y, z; near {down} or its negative, as at first, the "
        f"fingers point straight down and open along {axis}."
    )
    angles = "Angles of the arm's joints, from the base to the hand."
    speeds = "Velocities of the arm's joints, from the base to the hand."
    return [
        _read("gripper_quaternion", 4, "1", turn, _turn("tcp"), -1.0, 1.0),
        _read("gripper_velocity", 3, "m/s", "Velocity of gripper_position.", lambda env: env.velocity("tcp")),
        _read("arm_joint_angles", 7, "rad", angles, lambda env: env.qpos[:7], -4.0, 4.0),
        _read("arm_joint_velocities", 7, "rad/s", speeds, lambda env: env.qvel[:7]),
    ]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


# Readers. Each takes the unwrapped environment.


def _read(
    name: str, size: int, unit: str, doc: str, read: Callable[[Any], Any], low: float = -INF, high: float = INF
) -> Field:
    return Field(name, (size,) if size else (), unit, low, high, doc, read)


def _switch(name: str, doc: str, read: Callable[[Any], Any]) -> Field:
    return Field(name, (), SWITCH_UNIT, 0.0, 1.0, doc, read)


def _place(name: str) -> Callable[[Any], Any]:
    return lambda env: env.poses[name][:3]


def _turn(name: str) -> Callable[[Any], Any]:
    return lambda env: env.poses[name][3:]


def _start(name: str) -> Callable[[Any], Any]:
    return lambda env: env.starts[name][:3]


def _axis(env: Any) -> FloatArray:
    """The peg's long axis, from its tail to its head, as a unit vector."""
    w, x, y, z = env.poses["peg"][3:].tolist()
    return np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])


def _opening(env: Any) -> float:
    return float(env.qpos[7] + env.qpos[8])


def _arm_speed(env: Any) -> float:
    return float(np.abs(env.qvel[:7]).max())


def _success(env: Any) -> float:
    success: float = env.judged_success()
    return success
