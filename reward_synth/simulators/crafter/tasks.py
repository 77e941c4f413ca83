"""The tasks of Crafter's environments, as plain data, so that their names are known without the extra."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reward_synth.core.data import read_data
from reward_synth.simulators.data import KnownEnvironment

Start = Literal["clearing", "far_from_tree", "far_from_cow", "near_diamond"]
End = Literal["death", "face_tree", "face_cow", "eat_cow", "collect_wood", "place_table", "collect_diamond"]


class CrafterTask(KnownEnvironment):
    """One environment."""

    start: Start = "clearing"
    """Where episodes start."""
    end: End = "death"
    """What ends an episode besides death."""
    horizon: int = 300
    """Steps of an episode if no task sets them."""
    kit: dict[str, int] = Field(default_factory=dict)
    """Items that the player has at the start besides upstream's."""


TASKS = read_data(__file__, "tasks.json", dict[str, CrafterTask])
"""Environment id → its task."""
