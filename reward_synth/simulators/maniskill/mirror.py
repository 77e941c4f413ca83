"""A scene as a MuJoCo model that can be drawn without a Vulkan device: collision shapes, moved to where they are.

This module needs the extra ``maniskill``, so import it only where it is used.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from sapien.physx import PhysxCollisionShapeBox, PhysxCollisionShapeConvexMesh

ROBOT, GOAL = (0.86, 0.87, 0.9, 1.0), (0.25, 0.7, 0.35, 1.0)
THINGS = ((0.8, 0.25, 0.2, 1.0), (0.2, 0.45, 0.8, 1.0), (0.9, 0.7, 0.2, 1.0))
GOAL_RADIUS = 0.02
TABLE = "table-workspace"
"""Drawn as the ground. Its top lies at height 0, and all that moves lies above it."""
EYE, TARGET, OPENING = np.array([0.8, 0.65, 0.6]), np.array([-0.12, 0.0, 0.2]), 45.0
"""The camera: where it stands and looks, in m, and its vertical field of view, in degrees."""


class Mirror:
    """The scene of one environment.

    :param env: a :class:`~reward_synth.simulators.maniskill.env.TableTop`.
    """

    def __init__(self, env: Any) -> None:
        engine = env.upstream.scene.px
        spec = mujoco.MjSpec()
        spec.stat.extent = 1.0
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1])
        back = (EYE - TARGET) / np.linalg.norm(EYE - TARGET)
        right = np.cross([0.0, 0.0, 1.0], back)
        right /= np.linalg.norm(right)
        turned = np.zeros(4)
        mujoco.mju_mat2Quat(turned, np.stack([right, np.cross(back, right), back], axis=1).ravel())
        spec.worldbody.add_camera(name="track", pos=EYE, quat=turned, fovy=OPENING)
        self._shown: list[Any] = []
        for link in engine.articulation_link_components:
            self._add(spec, link, ROBOT)
        things = [each for each in engine.rigid_dynamic_components if each.name != TABLE]
        for number, thing in enumerate(things):
            self._add(spec, thing, THINGS[number % len(THINGS)])
        self.model = spec.compile()
        self._data = mujoco.MjData(self.model)

    @property
    def data(self) -> Any:
        """Everything where it is now."""
        for number, component in enumerate(self._shown):
            pose = component.entity.pose
            self._data.mocap_pos[number], self._data.mocap_quat[number] = pose.p, pose.q
        return self._data

    def _add(self, spec: Any, component: Any, color: tuple[float, ...]) -> None:
        """Add a body, unless it has no shape: only a goal is shown then, as a ball."""
        shapes = component.collision_shapes
        if not shapes and "goal" not in component.name:
            return
        self._shown.append(component)
        body = spec.worldbody.add_body(mocap=True)
        if not shapes:
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[GOAL_RADIUS, 0, 0], rgba=GOAL)
        for number, shape in enumerate(shapes):
            place = {"pos": shape.local_pose.p, "quat": shape.local_pose.q, "rgba": color}
            if isinstance(shape, PhysxCollisionShapeBox):
                body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=shape.half_size, **place)
            elif isinstance(shape, PhysxCollisionShapeConvexMesh):
                name = f"{len(self._shown)}-{number}"
                corners = np.asarray(shape.vertices, dtype=np.float64) * shape.scale
                spec.add_mesh(name=name, uservert=corners.ravel())
                body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, **place)
