"""ManiSkill's tabletop tasks in words: what lies on the table, and where it must go. Needs nothing installed."""

from __future__ import annotations

from typing import Literal

from reward_synth.core.data import read_data
from reward_synth.core.types import Value
from reward_synth.simulators.data import KnownEnvironment


class Thing(Value):
    """Something on the table that can move."""

    name: str
    """Identifier that its fields begin with: ``cube``."""
    attribute: str
    """What upstream's environment calls it."""
    doc: str
    """What it is, how large, and how it lies at first."""


class ManiSkillTask(KnownEnvironment):
    """What is known of one environment beyond its scene."""

    things: tuple[Thing, ...]
    """In the order of their fields. The first one is the thing that must get to the goal."""
    goal: tuple[str, str] | None = None
    """Upstream's name of the goal, and what the goal is; None if there is none."""
    grasped: str | None = None
    """Name of the thing that must be grasped; None if there is none."""
    observed: tuple[str, ...]
    """Parts of upstream's observation after joint angles and velocities, in order: ``tcp``, ``goal`` and things by
    name, and ``a>b`` for the vector from one to the other."""


TASKS = read_data(__file__, "tasks.json", dict[str, ManiSkillTask])
"""Environment id → task."""

ControlMode = Literal["pd_ee_delta_pos", "pd_joint_delta_pos"]
CONTROL_MODES: tuple[ControlMode, ...] = ("pd_ee_delta_pos", "pd_joint_delta_pos")
"""The first one is the default: an action is a shift of the gripper. The other takes changes of joint angles."""
