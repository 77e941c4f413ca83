"""What the player sees: the cells around it, as fields for rewards and as numbers for the policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_synth.simulators.crafter_kinds import ITEMS, KINDS, VIEW, VITALS

FloatArray = NDArray[np.float64]

FARTHEST = VIEW[0] // 2 + VIEW[1] // 2
"""Steps to the corner of the view."""
OUT_OF_VIEW = FARTHEST + 1
"""Distance that is told of what is not in view."""

_OFFSETS = [(x, y) for x in range(-(VIEW[0] // 2), VIEW[0] // 2 + 1) for y in range(-(VIEW[1] // 2), VIEW[1] // 2 + 1)]
# The farthest first, so that the nearest of a kind is what stays; of equals that one stays which upstream's map has
# first.
_ORDER = sorted(range(len(_OFFSETS)), key=lambda k: (abs(_OFFSETS[k][0]) + abs(_OFFSETS[k][1]), k), reverse=True)
_ORDERED_OFFSETS = [_OFFSETS[k] for k in _ORDER if _OFFSETS[k] != (0, 0)]
_ORDERED_CELLS = np.array([k for k in _ORDER if _OFFSETS[k] != (0, 0)])
_FACED = {facing: _OFFSETS.index(facing) for facing in ((-1, 0), (1, 0), (0, -1), (0, 1))}
_CODES = {kind: number + 1 for number, kind in enumerate(KINDS)}


class Sight:
    """The view of one moment.

    :param view: number of what is seen on each cell, shape (9, 7), 0 beyond the world's edge.
    :param facing: the step to the faced cell.

    :ivar cells: the view, flat.
    :ivar faced: number of what is on the faced cell.
    :ivar nearest: number of each kind in view → offset of the nearest.
    """

    def __init__(self, view: NDArray[np.uint8], facing: tuple[int, int]) -> None:
        self.cells = view.ravel()
        self.faced = int(self.cells[_FACED[facing]])
        self.nearest = dict(zip(self.cells[_ORDERED_CELLS].tolist(), _ORDERED_OFFSETS, strict=True))

    def faces(self, kind: str) -> bool:
        """True if that is on the faced cell."""
        return self.faced == _CODES[kind]

    def offset(self, kind: str) -> tuple[int, int] | None:
        """Where the nearest of the kind is, seen from the player: x to the right, y down; None if none is in view."""
        return self.nearest.get(_CODES[kind])

    def distance(self, kind: str) -> int:
        """Steps to the nearest of the kind; :data:`OUT_OF_VIEW` if none is in view."""
        offset = self.offset(kind)
        return OUT_OF_VIEW if offset is None else abs(offset[0]) + abs(offset[1])


_KINDS = len(KINDS) + 1
_STOCK = (*VITALS, *ITEMS)
_LARGEST = 9.0
_NEAREST, _AROUND = 3 * len(KINDS), len(_FACED) * _KINDS

OBSERVED = _NEAREST + _AROUND + _KINDS + len(_STOCK) + 4
"""Size of the policy's observation."""


def observe(env: Any) -> NDArray[np.float32]:
    """The policy's observation, shape (OBSERVED,), all between -1 and 1.

    Of each kind: whether one is in view, and where the nearest is, right and down; what is on the cells to the left, to
    the right, above and below, and on the faced one, each as a 1 among zeros; vitals and inventory; the step to the
    faced cell; daylight; whether the player sleeps.
    """
    sight, player = env.sight, env.player
    seen = np.zeros(OBSERVED, dtype=np.float32)
    for code, (x, y) in sight.nearest.items():
        if code:
            seen[3 * code - 3 : 3 * code] = (1.0, x / (VIEW[0] // 2), y / (VIEW[1] // 2))
    place = _NEAREST
    for code in (*(int(sight.cells[cell]) for cell in _FACED.values()), sight.faced):
        seen[place + code] = 1.0
        place += _KINDS
    stock = player.inventory
    seen[place : place + len(_STOCK)] = [stock[name] / _LARGEST for name in _STOCK]
    seen[-4:] = (*player.facing, env.world.daylight, player.sleeping)
    return seen
