"""From where a MuJoCo model is looked at: its own camera that tracks the body, or a free one that has all in view."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from reward_synth.core.arrays import FloatArray

DISTANCE = 2.6
"""Of a free camera, in radii of all that is in the scene."""


@dataclass(frozen=True)
class View:
    """A camera of the model, or a free one that looks at a point or follows a body."""

    camera: int | None = None
    """The model's camera; the rest is then not used."""
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where a free camera looks, in m, if it follows no body."""
    body: int | None = None
    """The body that a free camera follows."""
    distance: float = 3.0
    """In m."""
    azimuth: float = 90.0
    """In degrees; at 90 the camera looks along +y."""
    elevation: float = -35.0
    """In degrees; negative looks down."""

    @classmethod
    def of(cls, env: Any, named: str) -> View:
        """The model's camera of that name, else the environment's own view, else its first camera, else a free one.

        :param env: the unwrapped environment; it has a ``model``, and may have Gymnasium's ``mujoco_renderer``.
        :param named: the camera that is looked for.
        """
        model = env.model
        camera = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, named)
        renderer = getattr(env, "mujoco_renderer", None)
        wanted: Mapping[str, Any] = getattr(renderer, "default_cam_config", None) or {}
        # A robot's first camera may well be the one in its head.
        if camera >= 0 or (model.ncam and not wanted):
            return cls(camera=max(camera, 0))
        middle, radius = _bounds(model)
        distance = DISTANCE * radius
        if "lookat" in wanted and "distance" in wanted:
            middle, distance = wanted["lookat"], float(wanted["distance"])
        return cls(
            target=(float(middle[0]), float(middle[1]), float(middle[2])),
            body=wanted["trackbodyid"] if wanted.get("trackbodyid", 0) > 0 else None,
            distance=distance,
            azimuth=float(wanted.get("azimuth", cls.azimuth)),
            elevation=float(wanted.get("elevation", cls.elevation)),
        )

    def pose(self, model: Any, data: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where the camera is (3,), its axes right, up and back as rows (3, 3), and the point on the ground in view."""
        if self.camera is not None:
            eye, axes = data.cam_xpos[self.camera].copy(), data.cam_xmat[self.camera].reshape(3, 3).T.copy()
            axes[:2] *= -1.0 if self.is_upside_down(data) else 1.0
            return eye, axes, eye - axes[2] * model.stat.extent
        focus = np.array(self.target) if self.body is None else data.xpos[self.body].copy()
        around, up = math.radians(self.azimuth), math.radians(self.elevation)
        forward = np.array([math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)])
        right = np.array([math.sin(around), -math.cos(around), 0.0])
        return focus - self.distance * forward, np.stack([right, np.cross(right, forward), -forward]), focus

    def is_upside_down(self, data: Any) -> bool:
        """True for a camera whose up is down, as MetaWorld's are: its pictures are to be turned."""
        return self.camera is not None and bool(data.cam_xmat[self.camera].reshape(3, 3)[2, 1] < 0.0)

    def opening(self, model: Any) -> float:
        """Vertical field of view, in degrees."""
        return float(model.vis.global_.fovy if self.camera is None else model.cam_fovy[self.camera])

    def reach(self, model: Any) -> float:
        """Roughly how much is in view, in m."""
        return self.distance if self.camera is None else float(model.stat.extent)

    def as_mujoco(self) -> Any:
        """The same for MuJoCo's own renderer."""
        found = mujoco.MjvCamera()
        if self.camera is not None:
            found.type, found.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, self.camera
            return found
        found.type = mujoco.mjtCamera.mjCAMERA_FREE if self.body is None else mujoco.mjtCamera.mjCAMERA_TRACKING
        found.trackbodyid = -1 if self.body is None else self.body
        found.lookat[:], found.distance = self.target, self.distance
        found.azimuth, found.elevation = self.azimuth, self.elevation
        return found


def _bounds(model: Any) -> tuple[FloatArray, float]:
    """Middle (3,) and radius, in m, of all that is in the scene at its start but for the ground."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    solid = model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE
    places, radii = data.geom_xpos[solid], model.geom_rbound[solid]
    if not len(places):
        return np.zeros(3), 1.0
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    return middle, max(float((np.linalg.norm(places - middle, axis=1) + radii).max()), 0.1)
