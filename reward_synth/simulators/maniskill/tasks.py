"""ManiSkill's tabletop tasks in words: what lies on the table, and where it shall go. Needs nothing installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Thing:
    """Something on the table that can move.

    :param name: identifier that its fields begin with: ``cube``.
    :param attribute: what upstream's environment calls it.
    :param doc: what it is, how large, and how it lies at first.
    """

    name: str
    attribute: str
    doc: str


@dataclass(frozen=True)
class ManiSkillTask:
    """What is known of one environment beyond its scene.

    :param description: one line for the choice of an environment by goal.
    :param things: in the order in which fields name them; the first one is that which shall get somewhere.
    :param goal: what upstream calls the place where it shall be, and what that place is; None where there is none.
    :param grasped: name of the thing that fingers are to close on; None where none need be.
    :param observed: what upstream's observation holds after joint angles and velocities, in its order: ``tcp``,
        ``goal`` and things by name, and ``a>b`` for the way from one to the other.
    """

    description: str
    things: tuple[Thing, ...]
    goal: tuple[str, str] | None
    grasped: str | None
    observed: tuple[str, ...]


_CUBE = "Centre of the cube, whose edges are 0.04 m; z is 0.02 when it lies on the table."
_PEG = "Middle of the peg, a bar of 0.24 m x 0.05 m x 0.05 m that lies on the table at first."
_ARM = "Robot arm with a two-finger gripper at a table with "

TASKS: dict[str, ManiSkillTask] = {
    "LiftPegUpright-v1": ManiSkillTask(
        _ARM + "a peg that lies on it: lift the peg and set it upright.",
        (Thing("peg", "peg", _PEG),),
        None,
        "peg",
        ("tcp", "peg"),
    ),
    "PickCube-v1": ManiSkillTask(
        _ARM + "a cube: pick it up and move it to a goal position in the air.",
        (Thing("cube", "cube", _CUBE.replace("the cube", "cube A, the only one here", 1)),),
        ("goal_site", "Where the centre of the cube shall be, on the table or up to 0.3 m above it."),
        "cube",
        ("grasped", "tcp", "goal", "cube", "tcp>cube", "cube>goal"),
    ),
    "PokeCube-v1": ManiSkillTask(
        _ARM + "a peg and a cube: poke the cube with the peg, and push it to a goal region farther away.",
        (Thing("cube", "cube", _CUBE), Thing("peg", "peg", _PEG)),
        ("goal_region", "Centre of the goal region, a disc of radius 0.05 m on the table; only x and y count."),
        "peg",
        # The fourth is upstream's: it calls the peg's position the goal's.
        ("tcp", "cube", "peg", "peg.p", "tcp>peg", "peg>cube", "cube>goal", "cube>head"),
    ),
    "PullCube-v1": ManiSkillTask(
        _ARM + "a cube: pull it towards the robot, to a goal region.",
        (Thing("cube", "obj", _CUBE),),
        ("goal_region", "Centre of the goal region, a disc of radius 0.1 m on the table; only x and y count."),
        None,
        ("tcp", "goal", "cube"),
    ),
    "PushCube-v1": ManiSkillTask(
        _ARM + "a cube: push it away from the robot, to a goal region.",
        (Thing("cube", "obj", _CUBE),),
        ("goal_region", "Centre of the goal region, a disc of radius 0.1 m on the table; only x and y count."),
        None,
        ("tcp", "goal", "cube"),
    ),
    "StackCube-v1": ManiSkillTask(
        _ARM + "a red and a green cube: pick up the red one, stack it on the green one and let go.",
        (
            Thing("cube_a", "cubeA", _CUBE.replace("the cube", "cube A, the red one that is to be on top", 1)),
            Thing("cube_b", "cubeB", _CUBE.replace("the cube", "cube B, the green one below", 1)),
        ),
        None,
        "cube_a",
        ("tcp", "cube_a", "cube_b", "tcp>cube_a", "tcp>cube_b", "cube_a>cube_b"),
    ),
}
"""Environment id → task."""

ControlMode = Literal["pd_ee_delta_pos", "pd_joint_delta_pos"]
CONTROL_MODES: tuple[ControlMode, ...] = ("pd_ee_delta_pos", "pd_joint_delta_pos")
"""The first one is the default: an action is a shift of the gripper. The other takes changes of joint angles."""
