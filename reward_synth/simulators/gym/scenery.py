"""What is fixed to the world of a MuJoCo model, such as a maze's walls. No field tells it, since it has no body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_PLACES = 100
"""No more are told. A designer reads them beside the fields."""
_SIZES = {
    "sphere": "radius {0}",
    "capsule": "radius {0}, half length {1}",
    "cylinder": "radius {0}, half length {1}",
    "ellipsoid": "half axes {0}, {1}, {2}",
    "box": "half sizes {0}, {1}, {2}",
}
"""The shapes that a geom's three numbers describe, and how. A plane is the ground, and a mesh has no such numbers."""


def scenery(model: Any) -> tuple[str, ...]:
    """A line for each kind of thing that moving bodies may touch, with the places of its centre; in m, world axes."""
    import mujoco

    places: dict[str, list[str]] = {}
    for geom in range(model.ngeom):
        kind = mujoco.mjtGeom(int(model.geom_type[geom])).name.removeprefix("mjGEOM_").lower()
        touches = model.geom_contype[geom] or model.geom_conaffinity[geom]
        if model.geom_bodyid[geom] == 0 and touches and kind in _SIZES:
            what = f"{kind}, {_SIZES[kind].format(*(f'{size:.4g}' for size in model.geom_size[geom]))}"
            if kind != "sphere" and abs(model.geom_quat[geom][0]) < 1 - 1e-6:
                what += f", turned by the quaternion {_numbers(model.geom_quat[geom])}"
            places.setdefault(what, []).append(_numbers(model.geom_pos[geom]))
    lines, untold = [], sum(map(len, places.values())) - MOST_PLACES
    left = MOST_PLACES
    for what, where in places.items():
        if told := where[:left]:
            lines.append(f"{what}: {', '.join(told)}")
        left -= len(told)
    return (*lines, f"and {untold} more") if untold > 0 else tuple(lines)


def _numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"
