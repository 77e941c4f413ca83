"""What a reward may read of MetaWorld's environments: gripper, objects and target, now and at the start."""

from __future__ import annotations

import math
from typing import Any

from reward_synth.core.data import read_data
from reward_synth.simulators.data import FieldRow, fields_of
from reward_synth.simulators.gym.mujoco_names import Texts
from reward_synth.simulators.metaworld.tasks import TASKS, MetaWorldTask
from reward_synth.state.fields import ActionDimension
from reward_synth.state.table import FieldTable

# Slices of upstream's observation of one instant, shape (18,), for the first and the second thing.
_POSITIONS = ("4:7", "11:14")
_QUATERNIONS = ("7:11", "14:18")

_ROWS = read_data(__file__, "fields.json", dict[str, tuple[FieldRow, ...]])
"""Rows before the task's own fields (``first``), and after them (``then``)."""

ACTIONS = (
    ActionDimension(0, "hand_x", "0.01 m", -1.0, 1.0, "Shifts the hand in this step; + = right, increases x."),
    ActionDimension(1, "hand_y", "0.01 m", -1.0, 1.0, "Shifts the hand; + = away from the robot, increases y."),
    ActionDimension(2, "hand_z", "0.01 m", -1.0, 1.0, "Shifts the hand; + = up, increases z."),
    ActionDimension(3, "grip", "1", -1.0, 1.0, "Effort of the fingers; + closes them, negative opens them."),
)


def field_table(env: Any) -> FieldTable:
    """The table of an unwrapped environment that :mod:`reward_synth.simulators.metaworld.env` made."""
    task = TASKS[env.env_id]
    joint = int(env.model.joint("l_close").qposadr[0]) + 1
    values = Texts(env.model, {"joint": str(joint), "target": task.target})
    things = [_texts(task, number) for number in range(len(task.things))]
    turning = [texts for texts, thing in zip(things, task.things, strict=True) if thing.turns]
    rows = [*_ROWS["first"], *task.fields, *_ROWS["then"]]
    return FieldTable(fields_of(rows, values, thing=things, turning=turning), ACTIONS)


def _texts(task: MetaWorldTask, number: int) -> dict[str, Any]:
    """Values of the placeholders for a thing."""
    thing = task.things[number]
    quaternion = f"env.seen[{_QUATERNIONS[number]}]"
    unbounded = thing.turns and thing.name != "door_handle"
    return {
        "thing": thing.name,
        "spoken": thing.name.replace("_", " "),
        "doc": thing.doc,
        "low": -math.inf if unbounded else -1.0,
        "high": math.inf if unbounded else 1.5,
        "position": _POSITIONS[number],
        # Scipy puts w last.
        "quaternion": quaternion if task.rotated is None else f"np.roll({quaternion}, 1)",
    }
