"""Scripted controllers of the gripper for ManiSkill's tasks: each step follows from the present state alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.protocol import Expert

OPEN, SHUT = 1.0, -1.0
SHIFT = 0.1
"""Metres that an action of 1 stands for."""
HOVER = 0.1
"""Height above a thing, in m, at which the gripper passes over it without touching it."""
BEHIND = 0.06
"""Distance from a cube's centre, in m, at which closed fingers are lowered beside it."""
LOW = 0.02
"""Height at which fingers push, in m: half a cube's."""
TAIL = np.array([-0.09, 0.0, 0.0])
"""Where a lying peg is grasped, relative to its middle. A hand farther forward could not reach the goal."""
ON_TOP = np.array([0.0, 0.0, 0.04])
"""From the centre of the lower cube to that of the one on top of it."""

Plan = Callable[[Any], tuple[FloatArray, float]]
"""From the unwrapped environment to the gripper's target position and the fingers' action."""


def expert(env: Any) -> Expert | None:
    """The controller of an unwrapped environment, until it has succeeded; None if there is none for it.

    LiftPegUpright has none: shifts of the gripper alone do not turn the peg.
    """
    plan = PLANS.get(env.env_id)
    if plan is None or env.action_space.shape != (4,):
        return None

    def act() -> FloatArray | None:
        if env.judged_success() > 0.5:
            return None
        target, fingers = plan(env)
        action: FloatArray = np.clip([*((target - _place(env, "tcp")) / SHIFT), fingers], -1.0, 1.0)
        return action

    return act


def _place(env: Any, name: str) -> FloatArray:
    return np.asarray(env.poses[name][:3], dtype=np.float64)


def _apart(a: FloatArray, b: FloatArray) -> float:
    """Horizontal distance."""
    return math.hypot(a[0] - b[0], a[1] - b[1])


def _push(side: float) -> Plan:
    """Lower the fingers beside the cube, on its near side (-1) or its far side (1), and push it to the goal."""

    def plan(env: Any) -> tuple[FloatArray, float]:
        gripper, cube, goal = (_place(env, name) for name in ("tcp", "cube", "goal"))
        beside = np.array([cube[0] + side * BEHIND, cube[1], LOW])
        if gripper[2] < 2 * LOW and side * (gripper[0] - cube[0]) > 0.02:
            return np.array([goal[0] + side * 0.02, cube[1], LOW]), SHUT
        if _apart(gripper, beside) > 0.015:
            beside[2] = HOVER
        return beside, SHUT

    return plan


def _grasp(gripper: FloatArray, place: FloatArray) -> tuple[FloatArray, float]:
    """Move above the place with open fingers, then down to it, and close them."""
    if _apart(gripper, place) > 0.01:
        return np.array([place[0], place[1], max(place[2] + HOVER, 0.0)]), OPEN
    return place, SHUT if abs(gripper[2] - place[2]) < 0.008 else OPEN


def _pick(env: Any) -> tuple[FloatArray, float]:
    gripper, cube, goal = (_place(env, name) for name in ("tcp", "cube", "goal"))
    if env.grasps("cube"):
        return gripper + (goal - cube), SHUT
    return _grasp(gripper, cube)


def _stack(env: Any) -> tuple[FloatArray, float]:
    gripper, cube, top = _place(env, "tcp"), _place(env, "cube_a"), _place(env, "cube_b") + ON_TOP
    off = top - cube
    if _apart(top, cube) < 0.015 and abs(off[2]) < 0.004:
        return gripper, OPEN
    if not env.grasps("cube_a"):
        return _grasp(gripper, cube)
    if _apart(top, cube) > 0.01:
        # Move over the lower cube first, and only then down to it.
        off[2] += 0.04
        if cube[2] < top[2] + 0.01:
            off[:2] = 0.0
    return gripper + off, SHUT


def _poke(env: Any) -> tuple[FloatArray, float]:
    gripper, cube, peg, goal = (_place(env, name) for name in ("tcp", "cube", "peg", "goal"))
    if not env.grasps("peg"):
        return _grasp(gripper, peg + TAIL)
    ahead = goal[0] - cube[0] - 0.02 if abs(cube[1] - peg[1]) < 0.01 else 0.0
    return gripper + np.array([ahead, cube[1] - peg[1], 0.025 - peg[2]]), SHUT


PLANS: dict[str, Plan] = {
    "PickCube-v1": _pick,
    "PokeCube-v1": _poke,
    "PullCube-v1": _push(1.0),
    "PushCube-v1": _push(-1.0),
    "StackCube-v1": _stack,
}
"""Environment id → its plan."""
