"""What a reward may read of ManiSkill's environments: gripper, arm, things on the table, the goal, and the start."""

from __future__ import annotations

from typing import Any

from reward_synth.core.data import read_data
from reward_synth.simulators.data import FieldRow, fields_of
from reward_synth.simulators.maniskill.tasks import TASKS
from reward_synth.state.fields import ActionDimension
from reward_synth.state.table import FieldTable

_ROWS = read_data(__file__, "fields.json", tuple[FieldRow, ...])

_WAYS = (("x", "away from the robot"), ("y", "to the left as the robot sees it"), ("z", "up"))
_FINGERS = "Where the fingers are driven to: 1 = wide open, -0.6 = shut, below it they press harder."


def field_table(env: Any) -> FieldTable:
    """The table of an unwrapped environment that :mod:`reward_synth.simulators.maniskill.env` made."""
    task, name = TASKS[env.env_id], env.env_id
    things = {each.name: {"thing": each.name, "spoken": each.name.replace("_", " "), "doc": each.doc}
              for each in task.things}  # fmt: skip
    peg = [things["peg"]] if "peg" in things else []
    # Upstream's StackCube has a hand with a camera, which starts turned by 90 degrees.
    down, axis = ("0, 0.71, 0.71, 0", "x") if name == "StackCube-v1" else ("0, 1, 0, 0", "y")
    fields = fields_of(
        _ROWS,
        {"down": down, "axis": axis},
        thing=things.values(),
        turning=things.values(),
        peg_to_lift=[] if task.goal else peg,
        peg_to_poke_with=peg if task.goal else [],
        goal=[{"doc": task.goal[1]}] if task.goal else [],
        grasped=[things[task.grasped]] if task.grasped else [],
        arm_to_rest=[{}] if name in ("PickCube-v1", "PokeCube-v1") else [],
        stacked=[things["cube_a"]] if name == "StackCube-v1" else [],
    )
    return FieldTable(fields, _actions(env))


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
