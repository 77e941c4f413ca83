"""MetaWorld's 50 tasks in words: what lies on the table, and where it shall go. Needs nothing installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """Something on the table that upstream observes.

    :param name: identifier that its fields begin with: ``drawer_handle``.
    :param doc: what its position is that of.
    :param turns: True if its orientation is observed and can change.
    """

    name: str
    doc: str
    turns: bool = False


@dataclass(frozen=True)
class MetaWorldTask:
    """What is known of one environment beyond its compiled model.

    :param description: one line for the choice of an environment by goal.
    :param things: one or two of them, in the order in which upstream observes them.
    :param target: what ``target_position`` stands for, and which of its coordinates count.
    :param rotated: kind (``body``, ``geom``, ``site``) and name of the part whose orientation upstream turns into a
        quaternion with scipy; None where it takes MuJoCo's quaternion or a constant.
    """

    description: str
    things: tuple[Thing, ...]
    target: str
    rotated: tuple[str, str] | None = None


_PUCK = Thing("puck", "Centre of the puck.", turns=True)
_BLOCK = Thing("block", "Centre of the block.", turns=True)
_MUG = Thing("mug", "Centre of the mug.", turns=True)
_PLATE = Thing("plate", "Centre of the plate.", turns=True)
_BUTTON = Thing("button", "Front of the button.")
_TOP_BUTTON = Thing("button", "Top of the button.")
_DOOR = Thing("door_handle", "Centre of the door's handle.", turns=True)
_LOCK = Thing("lock", "End of the lock's lever.")
_DRAWER = Thing("drawer_handle", "Middle of the drawer's handle.")
_FAUCET = Thing("faucet_handle", "End of the faucet's handle.")
_HANDLE = Thing("handle", "Middle of the handle's bar.")
_WINDOW = Thing("window_handle", "Handle of the window's sliding pane.")
_NUT = Thing("wrench_handle", "End of the handle of the wrench, whose ring is at its other end.", turns=True)
_STICK = Thing("stick", "Centre of the stick.", turns=True)

_GEOM = ("geom", "objGeom")

TASKS: dict[str, MetaWorldTask] = {
    "assembly-v3": MetaWorldTask(
        "Robot arm at a table with a ring-shaped wrench and an upright peg: put the ring onto the peg.",
        (_NUT,),
        "Top of the peg.",
    ),
    "basketball-v3": MetaWorldTask(
        "Robot arm at a table with a ball and a basket: dunk the ball into the basket.",
        (Thing("ball", "Centre of the ball.", turns=True),),
        "Inside of the basket.",
    ),
    "bin-picking-v3": MetaWorldTask(
        "Robot arm at a table with two bins, a block in one of them: move the block to the other bin.",
        (_BLOCK,),
        "Centre of the other bin.",
    ),
    "box-close-v3": MetaWorldTask(
        "Robot arm at a table with an open box and its lid: cover the box with the lid.",
        (Thing("lid", "Centre of the lid.", turns=True),),
        "Where the lid shall be.",
    ),
    "button-press-topdown-v3": MetaWorldTask(
        "Robot arm at a table with a box that has a button on its top: press the button down.",
        (_TOP_BUTTON,),
        "Where the top of the button is when it is pressed in; only z counts.",
    ),
    "button-press-topdown-wall-v3": MetaWorldTask(
        "Robot arm at a table with a wall and a box that has a button on its top: press the button down.",
        (_TOP_BUTTON,),
        "Where the top of the button is when it is pressed in; only z counts.",
    ),
    "button-press-v3": MetaWorldTask(
        "Robot arm at a table with a box that has a button on its front: press the button in, along y.",
        (_BUTTON,),
        "Where the front of the button is when it is pressed in; only y counts.",
    ),
    "button-press-wall-v3": MetaWorldTask(
        "Robot arm at a table with a wall before a box that has a button on its front: press the button in.",
        (_BUTTON,),
        "Where the front of the button is when it is pressed in; only y counts.",
    ),
    "coffee-button-v3": MetaWorldTask(
        "Robot arm at a table with a coffee machine: press the machine's button.",
        (_BUTTON,),
        "Where the front of the button is when it is pressed in; only y counts.",
    ),
    "coffee-pull-v3": MetaWorldTask(
        "Robot arm at a table with a coffee machine and a mug under it: pull the mug away from the machine.",
        (_MUG,),
        "Where the mug shall be.",
        ("geom", "mug"),
    ),
    "coffee-push-v3": MetaWorldTask(
        "Robot arm at a table with a coffee machine and a mug: push the mug under the machine.",
        (_MUG,),
        "Where the mug shall be.",
        ("geom", "mug"),
    ),
    "dial-turn-v3": MetaWorldTask(
        "Robot arm at a table with a dial: turn the dial by 180 degrees.",
        (Thing("dial", "Knob at the rim of the dial."),),
        "Where the knob shall be.",
    ),
    "disassemble-v3": MetaWorldTask(
        "Robot arm at a table with a ring-shaped wrench on an upright peg: lift the ring off the peg.",
        (_NUT,),
        "Where the ring shall be; only z counts.",
    ),
    "door-close-v3": MetaWorldTask(
        "Robot arm at a table with an open door on a hinge: push the door shut by its handle.",
        (_DOOR,),
        "Where the door's handle is when the door is shut.",
        ("geom", "handle"),
    ),
    "door-lock-v3": MetaWorldTask(
        "Robot arm at a table with a door: lock it by turning its lock clockwise.",
        (_LOCK,),
        "Where the end of the lock's lever is when locked; only z counts.",
    ),
    "door-open-v3": MetaWorldTask(
        "Robot arm at a table with a shut door on a hinge: pull the door open by its handle.",
        (_DOOR,),
        "Where the door's handle is when the door is open; only x counts.",
        ("geom", "handle"),
    ),
    "door-unlock-v3": MetaWorldTask(
        "Robot arm at a table with a locked door: unlock it by turning its lock counter-clockwise.",
        (_LOCK,),
        "Where the end of the lock's lever is when unlocked; only x counts.",
    ),
    "drawer-close-v3": MetaWorldTask(
        "Robot arm at a table with an open drawer: push the drawer shut.",
        (_DRAWER,),
        "Where the drawer's handle is when the drawer is shut; its z is 0.05 m below that of the handle.",
    ),
    "drawer-open-v3": MetaWorldTask(
        "Robot arm at a table with a shut drawer: pull the drawer open by its handle.",
        (_DRAWER,),
        "Where the drawer's handle is when the drawer is open.",
    ),
    "faucet-close-v3": MetaWorldTask(
        "Robot arm at a table with a faucet: turn the faucet's handle clockwise to close it.",
        (_FAUCET,),
        "Where the end of the handle is when the faucet is closed.",
    ),
    "faucet-open-v3": MetaWorldTask(
        "Robot arm at a table with a faucet: turn the faucet's handle counter-clockwise to open it.",
        (_FAUCET,),
        "Where the end of the handle is when the faucet is open.",
    ),
    "hammer-v3": MetaWorldTask(
        "Robot arm at a table with a hammer and a nail in a board: hammer the nail in.",
        (Thing("hammer", "Centre of the hammer.", turns=True), Thing("nail", "The nail.")),
        "Where the nail's head is when it is driven in.",
    ),
    "hand-insert-v3": MetaWorldTask(
        "Robot arm at a table with a block and a hole: put the block into the hole.",
        (_BLOCK,),
        "Where the block shall be, in the hole.",
    ),
    "handle-press-side-v3": MetaWorldTask(
        "Robot arm at a table with a box that has a handle on its side: press the handle down sideways.",
        (_HANDLE,),
        "Where the handle is when it is pressed down; only z counts.",
    ),
    "handle-press-v3": MetaWorldTask(
        "Robot arm at a table with a box that has a handle: press the handle down.",
        (_HANDLE,),
        "Where the handle is when it is pressed down; only z counts.",
    ),
    "handle-pull-side-v3": MetaWorldTask(
        "Robot arm at a table with a box that has a pressed handle on its side: pull the handle up sideways.",
        (_HANDLE,),
        "Where the handle is when it is pulled up; only z counts.",
    ),
    "handle-pull-v3": MetaWorldTask(
        "Robot arm at a table with a box that has a pressed handle: pull the handle up.",
        (Thing("handle", "Right end of the handle's bar."),),
        "Where the handle is when it is pulled up; only z counts.",
    ),
    "lever-pull-v3": MetaWorldTask(
        "Robot arm at a table with a lever: pull the lever up by 90 degrees.",
        (Thing("lever", "End of the lever.", turns=True),),
        "Where the end of the lever is when it points straight up.",
        _GEOM,
    ),
    "peg-insert-side-v3": MetaWorldTask(
        "Robot arm at a table with a peg and a box that has a hole in its side: insert the peg into the hole.",
        (Thing("peg", "The peg where it is to be grasped.", turns=True),),
        "Where the peg's head shall be, in the hole.",
        ("site", "pegGrasp"),
    ),
    "peg-unplug-side-v3": MetaWorldTask(
        "Robot arm at a table with a peg in the side of a box: pull the peg out.",
        (Thing("peg", "End of the peg that sticks out.", turns=True),),
        "Where the end of the peg shall be.",
    ),
    "pick-out-of-hole-v3": MetaWorldTask(
        "Robot arm at a table with a puck in a hole: pick it up and bring it to a place above the table.",
        (_PUCK,),
        "Where the puck shall be, above the table.",
    ),
    "pick-place-v3": MetaWorldTask(
        "Robot arm at a table with a puck: pick the puck up and bring it to a place above the table.",
        (_PUCK,),
        "Where the puck shall be, above the table.",
        _GEOM,
    ),
    "pick-place-wall-v3": MetaWorldTask(
        "Robot arm at a table with a puck and a wall: pick the puck up and bring it to a place behind the wall.",
        (_PUCK,),
        "Where the puck shall be, above the table behind the wall.",
        _GEOM,
    ),
    "plate-slide-back-side-v3": MetaWorldTask(
        "Robot arm at a table with a plate in a cabinet that is open sideways: slide the plate out, to the right.",
        (_PLATE,),
        "Where the plate shall be.",
        ("geom", "puck"),
    ),
    "plate-slide-back-v3": MetaWorldTask(
        "Robot arm at a table with a plate in a cabinet: slide the plate out, towards the robot.",
        (_PLATE,),
        "Where the plate shall be.",
        ("geom", "puck"),
    ),
    "plate-slide-side-v3": MetaWorldTask(
        "Robot arm at a table with a plate and a cabinet that is open sideways: slide the plate in, to the left.",
        (_PLATE,),
        "Where the plate shall be.",
        ("geom", "puck"),
    ),
    "plate-slide-v3": MetaWorldTask(
        "Robot arm at a table with a plate and a cabinet: slide the plate into the cabinet, away from the robot.",
        (_PLATE,),
        "Where the plate shall be.",
        ("geom", "puck"),
    ),
    "push-back-v3": MetaWorldTask(
        "Robot arm at a table with a block: push the block back, towards the robot, to a place on the table.",
        (_BLOCK,),
        "Where the block shall be, on the table.",
        _GEOM,
    ),
    "push-v3": MetaWorldTask(
        "Robot arm at a table with a puck: push the puck to a place on the table.",
        (_PUCK,),
        "Where the puck shall be, on the table.",
        _GEOM,
    ),
    "push-wall-v3": MetaWorldTask(
        "Robot arm at a table with a puck and a wall: push the puck round the wall to a place on the table.",
        (_PUCK,),
        "Where the puck shall be, on the table behind the wall.",
        _GEOM,
    ),
    "reach-v3": MetaWorldTask(
        "Robot arm at a table: bring the gripper to a place in the air. A puck on the table is of no use.",
        (_PUCK,),
        "Where the gripper shall be.",
        _GEOM,
    ),
    "reach-wall-v3": MetaWorldTask(
        "Robot arm at a table with a wall: bring the gripper to a place behind it. A puck is of no use.",
        (_PUCK,),
        "Where the gripper shall be.",
        _GEOM,
    ),
    "shelf-place-v3": MetaWorldTask(
        "Robot arm at a table with a block and a shelf: pick the block up and place it onto the shelf.",
        (_BLOCK,),
        "Where the block shall be, on the shelf.",
        _GEOM,
    ),
    "soccer-v3": MetaWorldTask(
        "Robot arm at a table with a ball and a goal: kick the ball into the goal.",
        (Thing("ball", "Centre of the ball.", turns=True),),
        "Where the ball shall be, in the goal.",
        ("body", "soccer_ball"),
    ),
    "stick-pull-v3": MetaWorldTask(
        "Robot arm at a table with a stick and a thermos: hook the thermos with the stick and pull it.",
        (_STICK, Thing("thermos", "Handle of the thermos, where the stick fits in.")),
        "Where the handle of the thermos shall be.",
        ("body", "stick"),
    ),
    "stick-push-v3": MetaWorldTask(
        "Robot arm at a table with a stick and a thermos: grasp the stick and push the thermos with it.",
        (_STICK, Thing("thermos", "Centre of the thermos.")),
        "Where the thermos shall be.",
        ("body", "stick"),
    ),
    "sweep-into-v3": MetaWorldTask(
        "Robot arm at a table with a puck and a hole in the table: sweep the puck into the hole.",
        (_PUCK,),
        "The hole; only x and y count.",
        _GEOM,
    ),
    "sweep-v3": MetaWorldTask(
        "Robot arm at a table with a block: sweep the block off the table, to the right.",
        (_BLOCK,),
        "Where the block shall be.",
    ),
    "window-close-v3": MetaWorldTask(
        "Robot arm at a table with an open sliding window: push it shut by its handle, to the left.",
        (_WINDOW,),
        "Where the handle is when the window is shut; only x counts.",
    ),
    "window-open-v3": MetaWorldTask(
        "Robot arm at a table with a shut sliding window: push it open by its handle, to the right.",
        (_WINDOW,),
        "Where the handle is when the window is open; only x counts.",
    ),
}
"""Environment id → task, for the 50 of MT1."""
