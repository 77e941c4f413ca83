"""MetaWorld's 50 tasks in words: what lies on the table, and where it must go. Needs nothing installed."""

from __future__ import annotations

from reward_synth.core.data import read_data
from reward_synth.core.types import Value
from reward_synth.simulators.data import FieldRow, KnownEnvironment


class Thing(Value):
    """Something on the table that upstream observes."""

    name: str
    """Identifier that its fields begin with: ``drawer_handle``."""
    doc: str
    """The part or point that its position describes."""
    turns: bool = False
    """True if its orientation is observed and can change."""


class MetaWorldTask(KnownEnvironment):
    """What is known of one environment beyond its compiled model."""

    things: tuple[Thing, ...]
    """One or two of them, in the order in which upstream observes them."""
    target: str
    """What ``target_position`` stands for, and which of its coordinates count."""
    rotated: tuple[str, str] | None = None
    """Kind (``body``, ``geom``, ``site``) and name of the part whose orientation upstream converts to a quaternion with
    scipy; None if it uses MuJoCo's quaternion or a constant."""
    fields: tuple[FieldRow, ...] = ()
    """Fields of its own, for tasks with a shipped spec. ``{joint}`` is the number of the first joint after those of arm
    and fingers in the model, such as a drawer's or a door's."""


TASKS = read_data(__file__, "tasks.json", dict[str, MetaWorldTask])
"""Environment id → task, for the 50 of MT1."""
