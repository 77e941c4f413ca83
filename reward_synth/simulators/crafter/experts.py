"""A scripted player that knows the whole map: it walks the shortest way to the target of its task.

This module needs the extra ``crafter``, so import it only where it is used.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.crafter.kinds import ACTIONS, CODES, Cell
from reward_synth.simulators.crafter.starts import END_TESTS
from reward_synth.simulators.protocol import Expert

_NUMBERS = {name: number for number, name in enumerate(ACTIONS)}
_MOVES = {(-1, 0): "move_left", (1, 0): "move_right", (0, -1): "move_up", (0, 1): "move_down"}
_TARGETS = {
    "face_tree": "tree",
    "face_cow": "cow",
    "eat_cow": "cow",
    "collect_wood": "tree",
    "place_table": "tree",
    "collect_diamond": "diamond",
}
_TABLE_WOOD = 2
_STEP, _DIG, _WAIT = 1, 2, 6
"""Cost of a cell of the way: free ground, rock that must be dug out, a creature that may go away or be killed."""


def expert(env: Any) -> Expert:
    """The player of an unwrapped environment, until its task's end. An action is 1 for the chosen one, -1 elsewhere."""

    def act() -> FloatArray | None:
        if END_TESTS[env.task.end](env) or env.player.health <= 0:
            return None
        wanted = np.full(len(ACTIONS), -1.0)
        wanted[_NUMBERS[_choose(env)]] = 1.0
        return wanted

    return act


def _choose(env: Any) -> str:
    if env.task.end == "place_table" and env.player.inventory["wood"] >= _TABLE_WOOD:
        material, creature = env.world[_ahead(env)]
        if creature is None and material in ("grass", "sand", "path"):
            return "place_table"
        return _MOVES[_turn(env)]
    way = _way(env, _TARGETS[env.task.end])
    if len(way) < 2:
        return "noop"
    step = (way[1][0] - way[0][0], way[1][1] - way[0][1])
    if tuple(env.player.facing) != step:
        return _MOVES[step]
    material, creature = env.world[way[1]]
    free = creature is None and material in ("grass", "sand", "path")
    return _MOVES[step] if free else "do"


def _ahead(env: Any) -> Cell:
    (x, y), (dx, dy) = env.player.cell, env.player.facing
    return x + dx, y + dy


def _turn(env: Any) -> Cell:
    """The next direction, clockwise, in which to look for a free cell."""
    around = [(-1, 0), (0, -1), (1, 0), (0, 1)]
    return around[(around.index(tuple(env.player.facing)) + 1) % 4]


def _way(env: Any, target: str) -> Sequence[Cell]:
    """Cells of the cheapest way from the player to the nearest target, both included; empty if there is none."""
    costs = _costs(env)
    code = CODES[target]
    start: Cell = env.player.cell
    before: dict[Cell, Cell] = {start: start}
    queue: list[tuple[int, Cell]] = [(0, start)]
    known = {start: 0}
    margin_x, margin_y = ((seen - side) // 2 for seen, side in zip(env.world.seen.shape, env.world.area, strict=True))
    while queue:
        cost, cell = heapq.heappop(queue)
        if cost > known[cell]:
            continue
        if cell != start and env.world.seen[cell[0] + margin_x, cell[1] + margin_y] == code:
            way = [cell]
            while way[-1] != start:
                way.append(before[way[-1]])
            return way[::-1]
        for dx, dy in _MOVES:
            following = (cell[0] + dx, cell[1] + dy)
            shown = int(env.world.seen[following[0] + margin_x, following[1] + margin_y])
            price = _STEP if shown == code else costs.get(shown)
            if price is None or cost + price >= known.get(following, 1 << 30):
                continue
            known[following], before[following] = cost + price, cell
            heapq.heappush(queue, (cost + price, following))
    return []


def _costs(env: Any) -> dict[int, int]:
    """Cost of passing a cell, by what is on it. A cell with anything else cannot be passed."""
    prices = dict.fromkeys(("grass", "sand", "path"), _STEP)
    stock = env.player.inventory
    if stock["wood_pickaxe"]:
        prices |= {"stone": _DIG, "coal": _DIG}
    if stock["stone_pickaxe"]:
        prices["iron"] = _DIG
    prices |= dict.fromkeys(("cow", "zombie", "skeleton", "arrow"), _WAIT)
    return {CODES[name]: price for name, price in prices.items()}
