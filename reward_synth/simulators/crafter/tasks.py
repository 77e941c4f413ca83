"""The tasks that Crafter's environments are made for: plain data, so that names are known without the extra."""

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
    """What ends an episode beside death."""
    horizon: int = 300
    """Steps of an episode where no task says how many."""
    kit: dict[str, int] = Field(default_factory=dict)
    """What the player has at the start beside upstream's."""


TASKS = read_data(__file__, "tasks.json", dict[str, CrafterTask])
"""Environment id → its task."""
