"""Pictures of a MuJoCo model without a rendering device: outlines of geoms and sites, filled, the farthest first."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull, QhullError

from reward_synth.core.arrays import FloatArray
from reward_synth.evaluation.camera import View

Pixels = NDArray[np.uint8]
"""A picture, shape (height, width, 3)."""
OVERSAMPLED = 2
"""Lines are drawn this many times as large, so that the picture's own edges are smooth."""
SKY, GROUND, GRID, SHADOW, EDGE = (235, 240, 247), (222, 226, 230), (190, 196, 204), (188, 192, 197), 0.55
HIDDEN_GROUP = 3
"""MuJoCo's viewers hide geoms of this group and of those above, which are mostly for collisions."""
GRID_LINES = 12
"""On each side of the middle."""
NEAREST = 0.02
"""Points nearer to the camera than this, in m, are not drawn."""
_AROUND = [2 * math.pi * part / 12 for part in range(12)]
_SPHERE: FloatArray = np.array(
    [
        (math.cos(a) * math.cos(b), math.sin(a) * math.cos(b), math.sin(b))
        for b in (math.pi * part / 6 for part in range(-3, 4))
        for a in _AROUND
    ]
)
_BOX: FloatArray = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
_TUBE: FloatArray = np.array([(math.cos(a), math.sin(a), z) for a in _AROUND for z in (-1.0, 1.0)])


_SPAN = np.arange(-GRID_LINES, GRID_LINES + 1.0)
_ENDS = np.array([-GRID_LINES, GRID_LINES], dtype=float)
_LINES: FloatArray = np.array(
    [[(x, y, 0.0) for y in _ENDS] for x in _SPAN] + [[(x, y, 0.0) for x in _ENDS] for y in _SPAN]
)
"""Both ends of each line of the grid, (lines, 2, 3)."""
# Of an edge, only the points before the camera are drawn: as many points, it is not lost as a whole.
_EDGES = [np.linspace(_LINES[index, 0], _LINES[index, 1], 50) for index in (0, len(_SPAN) - 1, len(_SPAN), -1)]
_FLOOR: FloatArray = np.concatenate(_EDGES)

Project = Callable[[FloatArray], tuple[FloatArray, float]]
"""Pixels (N, 2) of those points (N, 3) that lie before the camera, and their mean distance in m."""


@dataclass(frozen=True, eq=False)
class _Outline:
    """Points (N, 3) whose convex hull is a shape, and its colour."""

    points: FloatArray
    color: tuple[int, ...]

    def placed(self, place: FloatArray, turned: FloatArray) -> _Outline:
        return _Outline(self.points @ turned.reshape(3, 3).T + place, self.color)


class Drawing:
    """Draws a model's present state from a view.

    :param width: in pixels; so is ``height``.
    """

    def __init__(self, model: Any, view: View, width: int, height: int) -> None:
        self._model, self._view = model, view
        self._size = np.array([width, height]) * OVERSAMPLED
        shown = [index for index in range(model.ngeom) if model.geom_group[index] < HIDDEN_GROUP]
        self._planes = [
            index
            for index in shown
            if model.geom_type[index] == mujoco.mjtGeom.mjGEOM_PLANE and _color(self._rgba(index))
        ]
        self._geoms = {
            index: _Outline(points, color)
            for index in shown
            if (color := _color(self._rgba(index))) and (points := self._points(index)) is not None
        }
        # Goals are often sites, which touch nothing.
        self._sites = {
            index: _Outline(points, color)
            for index in range(model.nsite)
            if model.site_group[index] < HIDDEN_GROUP
            and (color := _color(model.site_rgba[index]))
            and (points := _shape(model.site_type[index], model.site_size[index])) is not None
        }

    def __call__(self, data: Any) -> Pixels:
        """The picture of ``data``, whose kinematics are up to date."""
        picture = Image.new("RGB", (int(self._size[0]), int(self._size[1])), SKY)
        draw = ImageDraw.Draw(picture)
        self._pose = eye, axes, focus = self._view.pose(self._model, data)
        self._focal = self._size[1] / 2 / math.tan(math.radians(self._view.opening(self._model)) / 2)

        def project(points: FloatArray) -> tuple[FloatArray, float]:
            seen = (points - eye) @ axes.T
            seen = seen[seen[:, 2] < -NEAREST]
            return (self._pixels(seen), -float(seen[:, 2].mean())) if len(seen) else (np.empty((0, 2)), 0.0)

        for index in self._planes:
            self._draw_ground(draw, project, focus, float(data.geom_xpos[index][2]))
        geoms = [each.placed(data.geom_xpos[i], data.geom_xmat[i]) for i, each in self._geoms.items()]
        sites = [each.placed(data.site_xpos[i], data.site_xmat[i]) for i, each in self._sites.items()]
        if self._planes:
            floor = float(data.geom_xpos[self._planes[0]][2])
            for each in geoms:
                flat = each.points.copy()
                flat[:, 2] = floor
                _fill(draw, project(flat)[0], SHADOW, SHADOW)
        shapes = [(*project(each.points), each.color) for each in geoms + sites]
        for pixels, _, color in sorted(shapes, key=lambda shape: -shape[1]):
            _fill(draw, pixels, color, tuple(int(EDGE * part) for part in color))
        return np.asarray(picture.reduce(OVERSAMPLED))

    def _rgba(self, index: int) -> FloatArray:
        material = self._model.geom_matid[index]
        own: FloatArray = self._model.geom_rgba[index]
        # A geom's own colour counts where it was set; MuJoCo's default is a grey of 0.5.
        return self._model.mat_rgba[material] if material >= 0 and np.allclose(own, (0.5, 0.5, 0.5, 1.0)) else own

    def _points(self, index: int) -> FloatArray | None:
        kind = self._model.geom_type[index]
        return self._mesh(index) if kind == mujoco.mjtGeom.mjGEOM_MESH else _shape(kind, self._model.geom_size[index])

    def _mesh(self, index: int) -> FloatArray:
        mesh = self._model.geom_dataid[index]
        first, count = self._model.mesh_vertadr[mesh], self._model.mesh_vertnum[mesh]
        vertices: FloatArray = np.asarray(self._model.mesh_vert[first : first + count], dtype=np.float64)
        # A flat one has no hull.
        with suppress(QhullError):
            vertices = vertices[np.asarray(ConvexHull(vertices).vertices)]
        return vertices

    def _draw_ground(self, draw: Any, project: Project, focus: FloatArray, height: float) -> None:
        """A floor with a grid of whole metres, so that travelling shows; finer where little is in view."""
        spacing = 10.0 ** round(math.log10(max(self._view.reach(self._model), 1e-3) / 4))
        middle = np.append(np.round(focus[:2] / spacing) * spacing, height)
        _fill(draw, project(middle + spacing * _FLOOR)[0], GROUND, GROUND)
        eye, axes, _ = self._pose
        ends = (middle + spacing * _LINES - eye) @ axes.T
        away = -ends[:, :, 2]
        ends, away = ends[away.max(axis=1) > NEAREST], away[away.max(axis=1) > NEAREST]
        # A line that begins behind the camera is cut off before it.
        behind = away.min(axis=1) < NEAREST
        share = (NEAREST - away[behind, 0]) / (away[behind, 1] - away[behind, 0])
        cut = ends[behind, 0] + share[:, None] * (ends[behind, 1] - ends[behind, 0])
        ends[np.flatnonzero(behind), away[behind].argmin(axis=1)] = cut
        for line in self._pixels(ends.reshape(-1, 3)).reshape(-1, 4).tolist():
            draw.line(line, fill=GRID, width=OVERSAMPLED)

    def _pixels(self, seen: FloatArray) -> FloatArray:
        """Pixels (N, 2) of points (N, 3) in the camera's frame, all of them before it."""
        found: FloatArray = self._size / 2 + self._focal * seen[:, :2] * (1.0, -1.0) / -seen[:, 2:3]
        return found


def _shape(kind: int, size: FloatArray) -> FloatArray | None:
    """Points of a geom or a site in its own frame; None for what is not drawn as a convex hull."""
    kinds = mujoco.mjtGeom
    ball = _SPHERE * size[0]
    end = np.array([0.0, 0.0, size[1]])
    shapes: dict[Any, FloatArray] = {
        kinds.mjGEOM_SPHERE: ball,
        kinds.mjGEOM_ELLIPSOID: _SPHERE * size,
        kinds.mjGEOM_BOX: _BOX * size,
        kinds.mjGEOM_CYLINDER: _TUBE * (size[0], size[0], size[1]),
        kinds.mjGEOM_CAPSULE: np.concatenate([np.add(ball, end), np.subtract(ball, end)]),
    }
    return shapes.get(kinds(kind))


def _color(rgba: FloatArray) -> tuple[int, ...]:
    """Red, green and blue, 0 to 255; empty for what is invisible."""
    return tuple(int(255 * part) for part in np.clip(rgba[:3], 0.0, 1.0)) if rgba[3] > 0.0 else ()


def _fill(draw: Any, pixels: FloatArray, color: tuple[int, ...], edge: tuple[int, ...]) -> None:
    """The convex hull of these pixels, filled."""
    if len(pixels) < 3:
        return
    try:
        hull = pixels[ConvexHull(pixels).vertices]
    except QhullError:
        return  # seen from its edge
    draw.polygon(hull.ravel().tolist(), fill=color, outline=edge, width=OVERSAMPLED)
