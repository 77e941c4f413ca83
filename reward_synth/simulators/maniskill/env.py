"""ManiSkill's tabletop environments as single Gymnasium ones over numpy, with a faster step and the same dynamics.

Scenes, random starts and success come from upstream's own objects and methods. The step calls the physics engine
directly and leaves out what has no influence on the state: the native reward and info, and hundreds of small tensors.
This module needs the extra ``maniskill``, so import it only where it is used.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from reward_synth.simulators.maniskill.tasks import TASKS, ControlMode
from reward_synth.simulators.maniskill.visuals import without_visuals

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mani_skill.envs  # noqa: F401  (registers them)
    import sapien
    from mani_skill.envs import sapien_env
    from mani_skill.utils import common
    from mani_skill.utils.logging_utils import logger
    from mani_skill.utils.registration import REGISTERED_ENVS

FloatArray = NDArray[np.float32]

# When an environment is made or closed, upstream runs a full garbage collection, to free a graphics card. With a
# learner's library loaded that takes 0.4 s, half of a short training. Python's automatic collection is enough here.
sapien_env.gc = SimpleNamespace(collect=lambda: 0)

RENDER_MODES = ("rgb_array",)
SEEDS = 2**32
"""Upstream accepts seeds below this."""

GRASP_FORCE = 0.5
GRASP_COSINE = math.cos(math.radians(85))
"""Upstream's definition of a grasp: each finger presses with 0.5 N or more, at most 85 degrees off its opening axis."""

PEG_HEAD = np.array([0.12, 0.0, 0.0], dtype=np.float32)


class TableTop(gymnasium.Env[FloatArray, FloatArray]):
    """One of upstream's environments, without reward, info and termination.

    :raises RuntimeError: pictures are wanted, and there is no rendering device.

    The present state is read once after each step, in single precision like upstream's:

    :ivar qpos: joint angles of the arm (7), in rad, and the places of both fingers, in m; shape (9,).
    :ivar qvel: their velocities.
    :ivar poses: position and quaternion (w, x, y, z) of the gripper (``tcp``), the goal and each thing; shape (7,).
    :ivar starts: ``poses`` at the episode's start.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 20}  # noqa: RUF012  (gymnasium's own form)

    def __init__(
        self,
        env_id: str,
        control_mode: ControlMode = "pd_ee_delta_pos",
        render_mode: Literal["rgb_array"] | None = None,
    ) -> None:
        self.env_id, self.render_mode, self._task = env_id, render_mode, TASKS[env_id]
        self.upstream = _build(env_id, control_mode, render_mode)
        self.dt = float(self.upstream.control_timestep)
        self._substeps = int(self.upstream._sim_steps_per_control)
        self._engine = self.upstream.scene.px
        self._robot = self.upstream.agent.robot._objs[0]
        self._joints = list(self._robot.active_joints)
        self._components = {"tcp": self.upstream.agent.tcp._objs[0]}
        for thing in self._task.things:
            self._components[thing.name] = getattr(self.upstream, thing.attribute)._bodies[0]
        if self._task.goal is not None:
            self._components["goal"] = getattr(self.upstream, self._task.goal[0])._bodies[0]
        self._fingers = [self.upstream.agent.finger1_link._objs[0], self.upstream.agent.finger2_link._objs[0]]
        self._targets = _controller(self.upstream, control_mode)
        space = self.upstream.single_action_space
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, space.shape, np.float32)
        self.observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, self.upstream.single_observation_space.shape, np.float32
        )
        # Upstream's reset reads the state twice for these two, and nothing here uses them.
        self.upstream.get_info, self.upstream.get_obs = dict, lambda *_: None
        # After this reset, every field can be read before the first episode. Later unseeded resets are random.
        self.reset(seed=0)
        self._np_random = None

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start the episode that upstream starts with that seed. None takes the next of a series of random seeds.

        Upstream's own unseeded reset would use the learner's random generator.
        """
        if seed is None:
            seed = int(self.np_random.integers(SEEDS))
        else:
            self._np_random, self._np_random_seed = seeding.np_random(seed)
        self.upstream.reset(seed=seed % SEEDS)
        self._at_start = True
        self._look()
        self.starts = self.poses
        return self._observation(), {}

    def step(self, action: NDArray[Any]) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """One step of 0.05 s, or 5 physics steps. The reward is always 0.0; only the time limit ends an episode."""
        targets = self._targets(np.minimum(np.maximum(np.asarray(action, dtype=np.float32), -1), 1), self)
        for joint, target in zip(self._joints, targets, strict=True):
            joint.drive_target = target
        for _ in range(self._substeps):
            self._engine.step()
        self._at_start = False
        self._look()
        return self._observation(), 0.0, False, False, {}

    def render(self) -> NDArray[np.uint8] | None:
        """The scene as upstream's camera sees it, shape (512, 512, 3); None unless made with ``rgb_array``."""
        if self.render_mode is None:
            return None
        picture: NDArray[np.uint8] = self.upstream.render_rgb_array()[0].numpy()
        return picture

    def close(self) -> None:
        """Free the scene."""
        self.upstream.close()

    def judged_success(self) -> float:
        """Upstream's success of the present state, 0.0 or 1.0, by its own method.

        It is 0.0 at an episode's start, because the goal may be drawn where the cube lies.
        """
        return 0.0 if self._at_start else float(self.upstream.evaluate()["success"].item())

    def own_reward(self, action: NDArray[Any]) -> tuple[float, bool, dict[str, Any]]:
        """Upstream's default reward of the last step, its dense one in [0, 1], and its info.

        As upstream, an episode ends at success.
        """
        info = self.upstream.evaluate()
        taken = common.to_tensor(np.asarray(action, dtype=np.float32)[None])
        paid = self.upstream.compute_normalized_dense_reward(obs=None, action=taken, info=info)
        told = {key: float(value.item()) for key, value in info.items() if getattr(value, "shape", None) == (1,)}
        return float(paid.item()), bool(told["success"]), told

    def grasps(self, name: str) -> float:
        """1.0 if the fingers hold that thing by upstream's definition, else 0.0; at an episode's start always 0.0.

        The engine knows only the contacts of its last step, and before the first step that is in the last episode.
        """
        if self._at_start:
            return 0.0
        if name not in self._grasped:
            self._grasped[name] = self._look_at_contacts(name)
        return self._grasped[name]

    def velocity(self, name: str) -> FloatArray:
        """Velocity of the centre of ``tcp`` or a thing, in m/s; shape (3,)."""
        linear: FloatArray = self._components[name].linear_velocity
        return linear

    def angular_velocity(self, name: str) -> FloatArray:
        """Angular velocity of a thing, in rad/s; shape (3,)."""
        angular: FloatArray = self._components[name].angular_velocity
        return angular

    @property
    def peg_axis(self) -> NDArray[np.float64]:
        """The peg's long axis, from its tail to its head, as a unit vector."""
        w, x, y, z = self.poses["peg"][3:].tolist()
        return np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])

    def _look(self) -> None:
        self._grasped: dict[str, float] = {}
        self.qpos, self.qvel = self._robot.qpos, self._robot.qvel
        self.poses = {name: _pose(each) for name, each in self._components.items()}

    def _observation(self) -> FloatArray:
        parts = [self.qpos, self.qvel]
        for name in self._task.observed:
            if name == "grasped":
                parts.append(np.array([self.grasps(self._task.things[0].name)], dtype=np.float32))
            elif ">" in name:
                start, _, end = name.partition(">")
                parts.append(self._position(end) - self._position(start))
            elif name == "goal" or name.endswith(".p"):
                parts.append(self._position(name.removesuffix(".p")))
            else:
                parts.append(self.poses[name])
        return np.concatenate(parts)

    def _position(self, name: str) -> FloatArray:
        # Upstream observes the peg's head as if the peg never turned.
        return self.poses["peg"][:3] + PEG_HEAD if name == "head" else self.poses[name][:3]

    def _look_at_contacts(self, name: str) -> float:
        """Upstream's ``is_grasping``, over all contacts at once."""
        held = self._components[name].entity
        impulses = [np.zeros(3), np.zeros(3)]
        for contact in self._engine.get_contacts():
            first, second = (body.entity for body in contact.bodies)
            for impulse, finger in zip(impulses, self._fingers, strict=True):
                if first == finger.entity and second == held:
                    impulse += np.sum([point.impulse for point in contact.points], axis=0)
                elif first == held and second == finger.entity:
                    impulse -= np.sum([point.impulse for point in contact.points], axis=0)
        for impulse, finger, way in zip(impulses, self._fingers, (1.0, -1.0), strict=True):
            force = impulse / self._engine.timestep
            strength = float(np.linalg.norm(force))
            if strength < GRASP_FORCE or way * force.dot(_second_axis(finger.entity_pose.q)) < GRASP_COSINE * strength:
                return 0.0
        return 1.0


def _build(env_id: str, control_mode: ControlMode, render_mode: str | None) -> Any:
    level = logger.level
    # This hides "No initial pose set for actor builder of goal_region", a warning about upstream's own scene.
    logger.setLevel(logging.ERROR)
    try:
        with nullcontext() if render_mode else without_visuals():
            return REGISTERED_ENVS[env_id].cls(
                obs_mode="state",
                reward_mode="none",
                control_mode=control_mode,
                render_mode=render_mode,
                sim_backend="physx_cpu",
                render_backend="cpu" if render_mode else "none",
            )
    finally:
        logger.setLevel(level)


Targets = Callable[[FloatArray, TableTop], list[FloatArray]]
"""From an action within its limits to the targets of the nine joints; shape (1,) each."""


def _controller(upstream: Any, control_mode: ControlMode) -> Targets:
    """Upstream's controllers over numpy, without their copies. They give the same targets to the last bit."""
    arm, gripper = (upstream.agent.controller.controllers[name] for name in ("arm", "gripper"))
    scale, scale_gripper = _scaler(arm), _scaler(gripper)

    def joints(action: FloatArray, env: TableTop) -> list[FloatArray]:
        fingers = scale_gripper(action[-1:])
        target = env.qpos[:7] + scale(action[:-1])
        return [*(target[i : i + 1] for i in range(7)), fingers, fingers]

    if control_mode == "pd_joint_delta_pos":
        return joints
    kinematics = arm.kinematics
    solve = kinematics.pmodel.compute_inverse_kinematics
    root = upstream.agent.robot.root._objs[0]

    def gripper_position(action: FloatArray, env: TableTop) -> list[FloatArray]:
        fingers = scale_gripper(action[-1:])
        base = _pose(root)
        back = np.concatenate([base[3:4], -base[4:]])
        now = env.poses["tcp"]
        # The base is rotated by about 1e-8, which changes the last bit.
        place = scale(action[:-1]) + (_turned(back, -base[:3]) + _turned(back, now[:3]))
        turn = _product(back, now[3:])
        wanted = sapien.Pose(place, turn if turn[0] >= 0 else -turn)
        angles, found, _ = solve(
            kinematics.end_link_idx, wanted, initial_qpos=env.qpos, active_qmask=kinematics.qmask, max_iterations=100
        )
        # If no solution is found, upstream keeps the present angles.
        target = angles[:7].astype(np.float32) if found else env.qpos[:7]
        return [*(target[i : i + 1] for i in range(7)), fingers, fingers]

    return gripper_position


def _scaler(controller: Any) -> Callable[[FloatArray], FloatArray]:
    low, high = controller.action_space_low.numpy(), controller.action_space_high.numpy()
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    return lambda action: middle + half * action


def _pose(body: Any) -> FloatArray:
    pose = body.entity_pose
    return np.concatenate([pose.p, pose.q])


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Product of two quaternions (w, x, y, z), in single precision and in upstream's order of operations."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return np.array(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )


def _turned(quaternion: FloatArray, point: FloatArray) -> FloatArray:
    inverse = np.concatenate([quaternion[:1], -quaternion[1:]])
    return _product(_product(quaternion, np.concatenate([np.zeros(1, np.float32), point])), inverse)[1:]


def _second_axis(quaternion: FloatArray) -> NDArray[np.float64]:
    """The y axis of a body with that orientation (w, x, y, z), in the world."""
    w, x, y, z = quaternion.tolist()
    return np.array([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])
