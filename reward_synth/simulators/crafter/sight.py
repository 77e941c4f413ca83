"""What the player sees and has seen: the cells around it, as fields for rewards and as numbers for the policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_synth.simulators.crafter.kinds import CODES, ITEMS, KINDS, VIEW, VITALS, Cell

OUT_OF_VIEW = VIEW[0] // 2 + VIEW[1] // 2 + 1
"""Distance that is reported for what is not in view: one more than to the view's corner."""

_OFFSETS = [(x, y) for x in range(-(VIEW[0] // 2), VIEW[0] // 2 + 1) for y in range(-(VIEW[1] // 2), VIEW[1] // 2 + 1)]
# The farthest cell comes first: when a dictionary is made of them, the nearest of a kind comes last and stays. Of
# equally near cells, the one that comes first in upstream's map stays.
_ORDER = sorted(range(len(_OFFSETS)), key=lambda k: (abs(_OFFSETS[k][0]) + abs(_OFFSETS[k][1]), k), reverse=True)
_ORDERED_OFFSETS = [_OFFSETS[k] for k in _ORDER if _OFFSETS[k] != (0, 0)]
_ORDERED_CELLS = np.array([k for k in _ORDER if _OFFSETS[k] != (0, 0)])
_FACED = {facing: _OFFSETS.index(facing) for facing in ((-1, 0), (1, 0), (0, -1), (0, 1))}


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
        """True if the faced cell shows this kind."""
        return self.faced == CODES[kind]

    def offset(self, kind: str) -> tuple[int, int] | None:
        """Offset from the player to the nearest of the kind: x to the right, y down; None if none is in view."""
        return self.nearest.get(CODES[kind])

    def distance(self, kind: str) -> int:
        """Steps to the nearest of the kind; :data:`OUT_OF_VIEW` if none is in view."""
        offset = self.offset(kind)
        return OUT_OF_VIEW if offset is None else abs(offset[0]) + abs(offset[1])


_FAR = (2 * VIEW[0] + VIEW[0] // 2, 2 * VIEW[1] + VIEW[1] // 2)
"""How far the map of seen cells reaches to each side, in cells: five views, with the present one in the middle."""


class Explored:
    """What the player has had in view, and the cells that it has been on, since the episode began.

    :param side: width and height of the world.
    :param start: cell that the episode begins on.

    :ivar seen_cells: different cells of the world that have been in view.
    :ivar visited_cells: different cells that the player has been on.
    :ivar on_new_cell: True if the newest step led to a cell for the first time.
    """

    def __init__(self, side: int, start: Cell) -> None:
        shape = (side + 2 * _FAR[0], side + 2 * _FAR[1])
        self._visited = np.zeros(shape, np.float32)
        # Beyond the world's edge there is nothing to see, so those cells count as seen.
        self._seen = np.ones(shape, np.float32)
        self._seen[_FAR[0] : -_FAR[0], _FAR[1] : -_FAR[1]] = 0.0
        self.seen_cells = self.visited_cells = 0
        self.move_to(start)

    def move_to(self, cell: Cell) -> None:
        """Record the player's present cell, which may be the same as before."""
        here = (cell[0] + _FAR[0], cell[1] + _FAR[1])
        view = _around(self._seen, cell, VIEW)
        self.seen_cells += view.size - int(view.sum())
        view[:] = 1.0
        self.on_new_cell = not self._visited[here]
        self.visited_cells += self.on_new_cell
        self._visited[here] = 1.0

    def visited(self, cell: Cell) -> NDArray[np.float32]:
        """The view around a cell, shape (9, 7): 1 where the player has been, else 0."""
        return _around(self._visited, cell, VIEW)

    def seen(self, cell: Cell) -> NDArray[np.float32]:
        """Share of seen cells, in the view around a cell and in the views around that one; shape (5, 5), x first."""
        views = _around(self._seen, cell, (5 * VIEW[0], 5 * VIEW[1])).reshape(5, VIEW[0], 5, VIEW[1])
        shares: NDArray[np.float32] = views.mean(axis=(1, 3))
        return shares


def _around(wide: NDArray[np.float32], cell: Cell, size: tuple[int, int]) -> NDArray[np.float32]:
    """The part of a map with margins that lies around a cell: a live view of it."""
    x, y = cell[0] + _FAR[0] - size[0] // 2, cell[1] + _FAR[1] - size[1] // 2
    return wide[x : x + size[0], y : y + size[1]]


_KINDS = len(KINDS) + 1
_STOCK = (*VITALS, *ITEMS)
_LARGEST = 9.0
_BESIDE = list(_FACED.values())
_ROWS = np.arange(len(_BESIDE) + 1)
_WHOLE_WAY = 24.0
"""Distance from the start, in cells along an axis, beyond which the observation no longer changes."""
_GROUND = np.zeros(len(KINDS) + 1, np.float32)
"""By the number of what is on a cell, what it means to walk there: 1 free, 0 blocked, below 0 harmful."""
for _kinds, _value in ((("grass", "sand", "path"), 1.0), (("lava",), -1.0), (("zombie", "skeleton", "arrow"), -0.5)):
    _GROUND[[CODES[kind] for kind in _kinds]] = _value
_PARTS = (3 * len(KINDS), (len(_FACED) + 1) * _KINDS, len(_STOCK), 2, 2 * len(_OFFSETS), 5 * 5, 4)

OBSERVED = sum(_PARTS)
"""Size of the policy's observation."""


def observe(env: Any) -> NDArray[np.float32]:
    """The policy's observation, shape (OBSERVED,), all between -1 and 1.

    For each kind: whether one is in view, and the offset to the nearest, right and down. What is on the cells to the
    left, to the right, above, below, and on the faced one, each as a one-hot vector. Vitals and inventory. The player's
    offset from the start. For each cell in view: what it means to walk there, and whether the player has been there.
    Share of seen cells, up to two views away. The step to the faced cell. Daylight. Whether the player sleeps.
    """
    sight, player, explored = env.sight, env.player, env.explored
    nearest = np.zeros(_PARTS[0], dtype=np.float32)
    for code, (x, y) in sight.nearest.items():
        if code:
            nearest[3 * code - 3 : 3 * code] = (1.0, x / (VIEW[0] // 2), y / (VIEW[1] // 2))
    beside = np.zeros((len(_FACED) + 1, _KINDS), dtype=np.float32)
    beside[_ROWS, [*sight.cells[_BESIDE].tolist(), sight.faced]] = 1.0
    stock = player.inventory
    place = [min(1.0, max(-1.0, (now - then) / _WHOLE_WAY)) for now, then in zip(player.cell, env.start, strict=True)]
    return np.concatenate(
        [
            nearest,
            beside.ravel(),
            [stock[name] / _LARGEST for name in _STOCK],
            place,
            _GROUND[sight.cells],
            explored.visited(player.cell).ravel(),
            explored.seen(player.cell).ravel(),
            (*player.facing, env.world.daylight, player.sleeping),
        ],
        dtype=np.float32,
    )
