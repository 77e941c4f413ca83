"""Names of what there is in Crafter's world: plain text, so that tables and docs need not load the extra."""

from __future__ import annotations

from reward_synth.core.data import read_data
from reward_synth.core.types import Value


class _Kinds(Value):
    materials: tuple[str, ...]
    creatures: tuple[str, ...]
    vitals: dict[str, str]
    items: tuple[str, ...]
    achievements: tuple[str, ...]
    actions: dict[str, str]


Cell = tuple[int, int]
"""x to the right and y down, from 0 at the map's upper left corner."""
VIEW = (9, 7)
"""Cells that the player sees, across and down; it stands in the middle."""

_FILE = read_data(__file__, "kinds.json", _Kinds)
MATERIALS, CREATURES, ITEMS, ACHIEVEMENTS = _FILE.materials, _FILE.creatures, _FILE.items, _FILE.achievements
KINDS = MATERIALS + CREATURES
"""All that can be seen on a cell."""
CODES = {kind: number for number, kind in enumerate(KINDS, 1)}
"""Number of each, which for materials is upstream's; 0 is none."""
VITALS = _FILE.vitals
"""Each, and how it falls and rises."""
ACTIONS = _FILE.actions
"""Each action, in upstream's order, and what it does."""
