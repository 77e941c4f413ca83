"""Names of what there is in Crafter's world: plain text, so that tables and docs need not load the extra."""

from __future__ import annotations

Cell = tuple[int, int]
"""x to the right and y down, from 0 at the map's upper left corner."""

MATERIALS = (
    "water", "grass", "stone", "path", "sand", "tree", "lava", "coal", "iron", "diamond", "table", "furnace",
)  # fmt: skip
CREATURES = ("cow", "zombie", "skeleton", "arrow", "plant")
KINDS = MATERIALS + CREATURES
"""All that can be seen on a cell; upstream's numbers for materials are their places here, from 1 on."""

VITALS = ("health", "food", "drink", "energy")
ITEMS = (
    "sapling", "wood", "stone", "coal", "iron", "diamond",
    "wood_pickaxe", "stone_pickaxe", "iron_pickaxe", "wood_sword", "stone_sword", "iron_sword",
)  # fmt: skip

ACHIEVEMENTS = (
    "collect_coal", "collect_diamond", "collect_drink", "collect_iron", "collect_sapling", "collect_stone",
    "collect_wood", "defeat_skeleton", "defeat_zombie", "eat_cow", "eat_plant", "make_iron_pickaxe",
    "make_iron_sword", "make_stone_pickaxe", "make_stone_sword", "make_wood_pickaxe", "make_wood_sword",
    "place_furnace", "place_plant", "place_stone", "place_table", "wake_up",
)  # fmt: skip

VIEW = (9, 7)
"""Cells that the player sees, across and down; it stands in the middle."""

ACTIONS: dict[str, str] = {
    "noop": "Does nothing.",
    "move_left": "Turns to the left and goes there if the cell is free; x falls by 1.",
    "move_right": "Turns to the right and goes there if the cell is free; x rises by 1.",
    "move_up": "Turns up and goes there if the cell is free; y falls by 1.",
    "move_down": "Turns down and goes there if the cell is free; y rises by 1.",
    "do": "Acts on the faced cell: fells a tree, hits a creature, drinks, mines with the pickaxe that it takes.",
    "sleep": "Falls asleep unless rested; every action then does nothing until awake.",
    "place_stone": "Puts a stone onto the faced cell, lava and water too; takes 1 stone.",
    "place_table": "Puts a table onto the faced grass, sand or path; takes 2 wood.",
    "place_furnace": "Puts a furnace onto the faced cell; takes 4 stone.",
    "place_plant": "Plants a sapling on the faced grass.",
    "make_wood_pickaxe": "Next to a table; takes 1 wood. Stone and coal need it.",
    "make_stone_pickaxe": "Next to a table; takes 1 wood and 1 stone. Iron needs it.",
    "make_iron_pickaxe": "Next to a table and a furnace; takes 1 wood, 1 coal, 1 iron. Diamonds need it.",
    "make_wood_sword": "Next to a table; takes 1 wood. Hits for 2 instead of 1.",
    "make_stone_sword": "Next to a table; takes 1 wood and 1 stone. Hits for 3.",
    "make_iron_sword": "Next to a table and a furnace; takes 1 wood, 1 coal, 1 iron. Hits for 5.",
}
"""Each action, in upstream's order, and what it does."""
