"""The tasks that Crafter's environments are made for: plain data, so that names are known without the extra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Start = Literal["clearing", "far_from_tree", "far_from_cow", "near_diamond"]
End = Literal["death", "face_tree", "face_cow", "eat_cow", "collect_wood", "place_table", "collect_diamond"]


@dataclass(frozen=True)
class CrafterTask:
    """One environment.

    :param description: for the choice by goal and for the designer, in a sentence or two.
    :param start: where episodes start.
    :param end: what ends an episode beside death.
    :param horizon: steps of an episode where no task says how many.
    :param kit: what the player has at the start beside upstream's.
    """

    description: str
    start: Start = "clearing"
    end: End = "death"
    horizon: int = 300
    kit: Mapping[str, int] = field(default_factory=dict)


_WORLD = "Player in a grid world of grass, trees, stone, water, cows and zombies"

TASKS: dict[str, CrafterTask] = {
    "crafter-approach-tree": CrafterTask(
        f"{_WORLD}: find a tree, none is in view at the start. The episode ends in front of a tree, or by death.",
        "far_from_tree",
        "face_tree",
    ),
    "crafter-approach-cow": CrafterTask(
        f"{_WORLD}: find a cow, none is in view at the start. The episode ends in front of a cow, or by death.",
        "far_from_cow",
        "face_cow",
    ),
    "crafter-attack-cow": CrafterTask(
        f"{_WORLD}: find, attack and eat a cow, none is in view at the start; it takes three hits with bare hands"
        " and wanders about. The episode ends when it is eaten, or by death.",
        "far_from_cow",
        "eat_cow",
    ),
    "crafter-collect-wood": CrafterTask(
        f"{_WORLD}: collect wood from a tree. The episode ends with the first wood, or by death.",
        "clearing",
        "collect_wood",
    ),
    "crafter-place-table": CrafterTask(
        f"{_WORLD}: collect 2 wood and place a table. The episode ends when it stands, or by death.",
        "clearing",
        "place_table",
    ),
    "crafter-diamond-kit": CrafterTask(
        f"{_WORLD}: with an iron pickaxe in the mountains, mine a diamond; stone can be dug through, lava is death."
        " The episode ends with the diamond, or by death.",
        "near_diamond",
        "collect_diamond",
        kit={"wood_pickaxe": 1, "stone_pickaxe": 1, "iron_pickaxe": 1},
    ),
    "crafter-open-world": CrafterTask(
        f"{_WORLD}: the whole game, from bare hands to a diamond. The episode ends by death alone.",
        horizon=2000,
    ),
}
"""Environment id → its task."""
