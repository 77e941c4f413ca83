"""Crafter's field table: what rewards, success and fitness may read."""

from __future__ import annotations

from typing import Any

import numpy as np

from reward_synth.simulators.crafter.env import REMEMBERED
from reward_synth.simulators.crafter.kinds import ACHIEVEMENTS, ACTIONS, ITEMS, KINDS, VIEW, VITALS
from reward_synth.simulators.crafter.sight import OUT_OF_VIEW
from reward_synth.state.fields import Field, Reader, choice_of
from reward_synth.state.table import FieldTable

INF = float("inf")

ESSENTIAL = frozenset(
    {
        "tree_visible", "tree_distance", "tree_faced", "cow_visible", "cow_distance", "cow_faced",
        "diamond_visible", "diamond_distance", "diamond_faced", "lava_distance", "lava_faced", "zombie_distance",
        "wood", "diamond", "health", "food", "on_new_cell", "visited_cells",
        "seen_cells", "dead",
    }
)  # fmt: skip
"""All that a small model is shown."""

_VITAL_DOCS = {
    "health": "Health; 0 is death. It heals by itself while food, drink and energy last, and falls without them.",
    "food": "Food; falls by 1 every 25 steps; a cow gives 6.",
    "drink": "Drink; falls by 1 every 20 steps; water gives 1.",
    "energy": "Rest; falls by 1 every 30 steps; sleep raises it.",
}

SOUGHT = ("tree", "cow", "diamond")
"""Kinds whose distance on the whole map judges may read."""


def field_table(env: Any) -> FieldTable:
    """The table of a live environment, unwrapped."""
    side = float(env.world.area[0])
    fields = [*_surroundings(), *_stock(), *_player(side), *_judged(side)]
    return FieldTable(fields, choice_of(ACTIONS.items()), discrete=True)


def _field(name: str, shape: tuple[int, ...], unit: str, low: float, high: float, doc: str, read: Reader) -> Field:
    return Field(name, shape, unit, low, high, doc, read=read, essential=name in ESSENTIAL)


def _surroundings() -> list[Field]:
    """What is near, and what is faced, kind by kind."""
    across, down = VIEW
    fields = []
    for kind in KINDS:
        fields += [
            _field(
                f"{kind}_visible", (), "0/1", 0.0, 1.0,
                f"1 if {_any(kind)} is within the player's view of {across}x{down} cells.",
                _seen(kind),
            ),
            _field(
                f"{kind}_distance", (), "steps", 0.0, float(OUT_OF_VIEW),
                f"Steps across and down to the nearest {kind} in view, 1 = beside the player; {OUT_OF_VIEW} if none.",
                _distance(kind),
            ),
            _field(
                f"{kind}_offset", (2,), "cells", -float(VIEW[0] // 2), float(VIEW[0] // 2),
                f"From the player to the nearest {kind} in view: x + = right, y + = down; (0, 0) if none is in view.",
                _offset(kind),
            ),
            _field(
                f"{kind}_faced", (), "0/1", 0.0, 1.0,
                f"1 if {_any(kind)} is on the cell that the player faces, which `do` acts on.",
                _faced(kind),
            ),
        ]  # fmt: skip
    return fields


def _any(kind: str) -> str:
    if kind in ("water", "grass", "stone", "sand", "lava", "coal", "iron"):
        return kind
    return f"{'an' if kind == 'arrow' else 'a'} {kind}"


def _stock() -> list[Field]:
    """Vitals and inventory."""
    fields = []
    for name in (*VITALS, *ITEMS):
        doc = _VITAL_DOCS.get(name) or f"How many: {name.replace('_', ' ')} in the inventory."
        # `stone`, `coal` … are materials too; their fields there have endings.
        fields.append(_field(name, (), "1", 0.0, 9.0, doc, _owned(name)))
    return fields


def _player(side: float) -> list[Field]:
    def recent(env: Any) -> Any:
        return np.array(env.recent, dtype=np.float64) - env.start

    def position(env: Any) -> Any:
        return np.array(env.player.cell, dtype=np.float64) - env.start

    return [
        _field("facing", (2,), "cells", -1.0, 1.0, "Step to the faced cell: x + = right, y + = down.",
               lambda env: np.array(env.player.facing, dtype=np.float64)),
        _field("position", (2,), "cells", -side, side,
               "Where the player is, from where the episode began: x + = right, y + = down.", position),
        _field("recent_positions", (REMEMBERED, 2), "cells", -side, side,
               "position at the steps before this one, the newest first; (0, 0) before the start.", recent),
        _field("on_new_cell", (), "0/1", 0.0, 1.0,
               "1 if the player has just come onto a cell for the first time in this episode.",
               lambda env: float(env.explored.on_new_cell)),
        _field("visited_cells", (), "cells", 1.0, INF, "Different cells that the player has been on in this episode.",
               lambda env: float(env.explored.visited_cells)),
        _field("seen_cells", (), "cells", 1.0, INF, "Different cells that have been in view in this episode.",
               lambda env: float(env.explored.seen_cells)),
        _field("sleeping", (), "0/1", 0.0, 1.0, "1 while the player sleeps; its actions then do nothing.",
               lambda env: float(env.player.sleeping)),
        _field("dead", (), "0/1", 0.0, 1.0, "1 if the player has died, which ends the episode.",
               lambda env: float(env.player.health <= 0)),
        _field("dead_in_lava", (), "0/1", 0.0, 1.0, "1 if the player has died by walking into lava.",
               lambda env: float(env.died_in_lava)),
        _field("daylight", (), "1", 0.0, 1.0, "1 = broad day, 0 = night; more zombies come in the dark.",
               lambda env: float(env.world.daylight)),
        _field("time_of_day", (), "1", 0.0, 1.0, "Share of a day of 300 steps; an episode begins at 0.",
               lambda env: float(env.time_of_day)),
    ]  # fmt: skip


def _judged(side: float) -> list[Field]:
    """What only success and fitness may read: a reward that pays it out is a sparse one in disguise, or has a map."""
    fields = [
        Field(f"achieved_{name}", (), "times", 0.0, INF, f"How often in this episode: {name.replace('_', ' ')}.",
              read=_achieved(name), judge_only=True)
        for name in ACHIEVEMENTS
    ]  # fmt: skip
    return fields + [
        Field(f"{kind}_map_distance", (), "steps", 0.0, 2 * side,
              f"Steps as the crow flies to the nearest {kind} on the whole map; {2 * side:g} if there is none.",
              read=_map_distance(kind), judge_only=True)
        for kind in SOUGHT
    ]  # fmt: skip


# What reads a kind's, an item's or an achievement's field.


def _seen(kind: str) -> Reader:
    return lambda env: float(env.sight.offset(kind) is not None)


def _distance(kind: str) -> Reader:
    return lambda env: float(env.sight.distance(kind))


def _offset(kind: str) -> Reader:
    return lambda env: np.array(env.sight.offset(kind) or (0.0, 0.0), dtype=np.float64)


def _faced(kind: str) -> Reader:
    return lambda env: float(env.sight.faces(kind))


def _owned(item: str) -> Reader:
    return lambda env: float(env.player.inventory[item])


def _achieved(name: str) -> Reader:
    return lambda env: float(env.player.achievements[name])


def _map_distance(kind: str) -> Reader:
    return lambda env: float(env.map_distance(kind))
