"""OpenSimplex noise in three dimensions for many points at once, from which Crafter's worlds are drawn.

The package opensimplex, which Crafter uses, computes one point at a time in plain Python: 0.8 s for a world. This
module computes the sum that defines the noise: every lattice vertex within a distance of √2 adds its gradient, weighted
by (2 - d²)⁴. The lattice is that of the integers, sheared along the diagonal.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.crafter.upstream import GRADIENTS3, NORM_CONSTANT3, OpenSimplex

_SHEAR = 1 / 3
_UNSHEAR = -1 / 6
_REACH = 2.0
"""Squared distance at which a vertex's weight has fallen to 0."""


_GRADIENTS: FloatArray = GRADIENTS3.reshape(-1, 3).T[:, np.arange(256) % 24].astype(np.float64)
"""Coordinates (3, 256) of the gradient that a vertex's hash stands for."""


class Noise:
    """A noise field.

    :param seed: the same seed gives opensimplex's values, except for about 1e-4: of the vertices that are almost out
        of reach, that package uses only two.
    """

    def __init__(self, seed: int) -> None:
        self._permutation: NDArray[np.int64] = OpenSimplex(seed)._perm

    def __call__(self, x: FloatArray, y: FloatArray, z: float) -> FloatArray:
        """Noise between -1 and 1 at the points (x, y, z); ``x`` and ``y`` of shape (n,)."""
        points = np.stack([x, y, np.full(len(x), float(z))], axis=1)
        base = np.floor(points + points.sum(axis=1, keepdims=True) * _UNSHEAR)
        origin = points - _placed(base)
        vertices, places = _vertices()
        weights = origin @ (2.0 * places.T) - np.square(places).sum(axis=1)
        weights += (_REACH - np.square(origin).sum(axis=1))[:, None]
        # Arrays below have an entry per point and vertex in its reach. numpy is fastest coordinate by coordinate.
        near, vertex = np.divmod(np.flatnonzero(weights > 0.0), len(vertices))
        slopes = np.zeros(len(near))
        hashed: Any = 0
        for base_d, vertices_d in zip(base.T.astype(np.int64), vertices.T.astype(np.int64), strict=True):
            hashed = self._permutation[(hashed + base_d[near] + vertices_d[vertex]) & 0xFF]
        for origin_d, places_d, gradients_d in zip(origin.T, places.T, _GRADIENTS, strict=True):
            slopes += gradients_d[hashed] * (origin_d[near] - places_d[vertex])
        squared = np.square(weights.ravel()[weights.ravel() > 0.0])
        values = np.bincount(near, np.square(squared) * slopes, len(x)) / NORM_CONSTANT3
        # The rules test its sign. At some points it is 0, and there rounding errors of the machine must not decide.
        rounded: FloatArray = np.round(values, 12)
        return rounded


def _placed(lattice: FloatArray) -> FloatArray:
    """Positions of lattice points (n, 3)."""
    placed: FloatArray = lattice + lattice.sum(axis=1, keepdims=True) * _SHEAR
    return placed


@functools.cache
def _vertices() -> tuple[FloatArray, FloatArray]:
    """All vertices (26, 3) in reach of some point of the lattice's cell at 0, and their positions."""
    offsets, inside = _cube(np.arange(-1.0, 3.0)), _placed(_cube(np.linspace(0.0, 1.0, 21)))
    places = _placed(offsets)
    distances = np.square(inside[:, None] - places).sum(axis=2).min(axis=0)
    # Of these, the farthest comes within 1.6; of the others, none within 2.
    reached = distances < 1.8
    return offsets[reached], places[reached]


def _cube(steps: FloatArray) -> FloatArray:
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
