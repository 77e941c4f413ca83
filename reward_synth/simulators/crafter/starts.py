"""Where Crafter's episodes start, and what ends them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_synth.simulators.crafter.kinds import VIEW, Cell
from reward_synth.simulators.crafter.tasks import End, Start
from reward_synth.simulators.crafter.world import draw_terrain

END_TESTS: dict[End, Callable[[Any], bool]] = {
    "death": lambda env: False,
    "face_tree": lambda env: bool(env.sight.faces("tree")),
    "face_cow": lambda env: bool(env.sight.faces("cow")),
    "eat_cow": lambda env: bool(env.player.achievements["eat_cow"]),
    "collect_wood": lambda env: bool(env.player.achievements["collect_wood"]),
    "place_table": lambda env: bool(env.player.achievements["place_table"]),
    "collect_diamond": lambda env: bool(env.player.achievements["collect_diamond"]),
}
"""Tests for what ends an episode besides death, made after each step."""


def find_start(
    start: Start, world: int, side: int, distance: tuple[int, int], generator: np.random.Generator
) -> Cell | None:
    """A cell to start an episode on; None if this world has none.

    :param world: seed of the terrain, ``side`` cells wide and high.
    :param distance: smallest and largest number of steps to the nearest target, if nothing were in the way.
    """
    if start == "clearing":
        return side // 2, side // 2
    found = _suitable(start, world, side, distance)
    if not len(found):
        return None
    x, y = found[generator.integers(len(found))].tolist()
    return x, y


@functools.lru_cache(maxsize=1024)
def _suitable(start: Start, world: int, side: int, distance: tuple[int, int]) -> NDArray[np.int64]:
    """All cells (n, 2) to start on."""
    terrain = draw_terrain(world, side)
    cows = [cell for kind, cell in terrain.creatures if kind == "cow"]
    if start == "near_diamond":
        sought, places = terrain.cells("diamond"), terrain.cells("path")
    else:
        sought = terrain.cells("tree") if start == "far_from_tree" else np.array(cows, dtype=np.int64).reshape(-1, 2)
        places = terrain.cells("grass")
    if not len(sought) or not len(places):
        return places[:0]
    apart = np.abs(places[:, None] - sought)
    steps = apart.sum(axis=2).min(axis=1)
    suitable = (steps >= distance[0]) & (steps <= distance[1])
    if start != "near_diamond":
        in_view = (apart[:, :, 0] <= VIEW[0] // 2) & (apart[:, :, 1] <= VIEW[1] // 2)
        suitable &= ~in_view.any(axis=1)
    taken = {cell for _, cell in terrain.creatures}
    free = [(x, y) not in taken for x, y in places.tolist()]
    found: NDArray[np.int64] = places[suitable & np.array(free)]
    return found
