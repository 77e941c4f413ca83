"""Sizes in a MuJoCo model that no field tells: what is fixed to the world, such as walls, and the parts' shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward_synth.simulators.gym.mujoco_names import ModelNames

MOST_PLACES = 100
"""No more are told. A designer reads them beside the fields."""
MOST_SHAPES = 30
"""A model with more kinds of parts is no body whose sizes anybody reads."""
_PLANE = "drawn with half sizes {0}, {1}"
_SIZES = {
    "sphere": "radius {0}",
    "capsule": "radius {0}, half length {1}",
    "cylinder": "radius {0}, half length {1}",
    "ellipsoid": "half axes {0}, {1}, {2}",
    "box": "half sizes {0}, {1}, {2}",
}
"""The shapes that a geom's three numbers describe, and how. A mesh has no such numbers."""


def surroundings(names: ModelNames) -> tuple[str, ...]:
    """All that a designer of rewards reads besides the fields, a line each; in m."""
    fixed, parts = scenery(names.model), shapes(names)
    told = ("fixed in the world, with centres x, y, z, all in m:", *(f"  {line}" for line in fixed)) if fixed else ()
    return (*told, "shapes of its parts, in m:", *(f"  {line}" for line in parts)) if parts else told


def scenery(model: Any) -> tuple[str, ...]:
    """A line for each kind of thing that moving bodies may touch, with the places of its centre; in m, world axes."""
    places: dict[str, list[str]] = {}
    for geom in range(model.ngeom):
        kind = _kind(model, geom)
        touches = model.geom_contype[geom] or model.geom_conaffinity[geom]
        if model.geom_bodyid[geom] == 0 and touches and (kind in _SIZES or _is_table(model, geom, kind)):
            what = _sized(model, geom, kind)
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


def shapes(names: ModelNames) -> tuple[str, ...]:
    """A line for each kind and size of what the moving bodies consist of, with the bodies that have it."""
    model, bodies = names.model, dict[str, list[str]]()
    for geom in range(model.ngeom):
        kind = _kind(model, geom)
        body = int(model.geom_bodyid[geom])
        if model.body_weldid[body] != 0 and kind in _SIZES:
            having = bodies.setdefault(_sized(model, geom, kind), [])
            if (name := names.body_name(body)) not in having:
                having.append(name)
    lines = [f"{what}: {', '.join(having)}" for what, having in bodies.items()]
    return tuple(lines) if len(lines) <= MOST_SHAPES else ()


def _kind(model: Any, geom: int) -> str:
    import mujoco

    return str(mujoco.mjtGeom(int(model.geom_type[geom])).name.removeprefix("mjGEOM_").lower())


def _is_table(model: Any, geom: int, kind: str) -> bool:
    """True for a plane that is drawn with an end and is not the ground. What touches it knows no end of it."""
    return bool(kind == "plane" and model.geom_size[geom][0] > 0 and any(model.geom_pos[geom]))


def _sized(model: Any, geom: int, kind: str) -> str:
    return f"{kind}, {_SIZES.get(kind, _PLANE).format(*(f'{size:.4g}' for size in model.geom_size[geom]))}"


def _numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"
