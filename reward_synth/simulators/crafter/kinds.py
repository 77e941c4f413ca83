"""Names of everything in Crafter's world, as plain text, so that tables and docs do not need the extra."""

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
"""Number of each kind. Materials have upstream's numbers; 0 stands for nothing."""
VITALS = _FILE.vitals
"""Each vital value, and what lowers and raises it."""
ACTIONS = _FILE.actions
"""Each action, in upstream's order, and what it does."""
