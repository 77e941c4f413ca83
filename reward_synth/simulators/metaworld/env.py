"""MetaWorld's environments with a new goal in every episode and a faster step. Dynamics are the same to the last bit.

The step leaves out only what has no influence on state, observation or success: the native reward, which nobody reads
and which takes up to half of upstream's step, MuJoCo's body accelerations, and look-ups by name. This module needs the
extra ``metaworld``, so import it only where it is used.
"""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar

import mujoco
import numpy as np
from gymnasium.utils import seeding
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.metaworld.tasks import TASKS

_HAND_ORIENTATION = np.array([1.0, 0.0, 1.0, 0.0])


class FreshGoals(SawyerXYZEnv):
    """A mixin for one of upstream's classes, whose geometry, goals, observation and success stay unchanged.

    :ivar seen: hand, fingers' openness and objects at the present instant, shape (18,), laid out as upstream observes
        them. At an episode's start upstream's own observation can be out of date, for example for a window.
    :ivar start: ``seen`` at the episode's start.
    :ivar gripper_start: middle between the fingertips at the episode's start, shape (3,).
    """

    env_id: ClassVar[str] = ""

    rotated: ClassVar[tuple[str, str] | None] = None
    """Kind and name of the part whose orientation upstream computes with scipy; None for any other task."""

    def __init__(self, *, goal_observable: bool = True, **arguments: Any) -> None:
        self._settling = True
        super().__init__(**arguments)
        self._set_task_called = True
        self._partially_observable = not goal_observable
        del self.sawyer_observation_space  # The next line makes it again, with the goal's bounds.
        self.observation_space = self.sawyer_observation_space
        # After this reset, every field can be read before the first episode. Later unseeded resets are random.
        self.reset(seed=0)
        self._np_random = None

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Draw the positions of goal and objects as upstream draws its tasks, and reset as upstream does.

        Upstream's reset arranges the scene twice, and each time moves the hand to its start in 250 physics steps. Here
        the hand moves only the last time, because MuJoCo's state is reset before that.
        """
        if seed is not None:
            self._np_random, self._np_random_seed = seeding.np_random(seed)
        self._lay_out()
        self._settling = False
        self._freeze_rand_vec, self.seeded_rand_vec = False, True
        self.reset_model()
        self._freeze_rand_vec = True
        self.curr_path_length = 0
        self.reset_model()
        mujoco.mj_resetData(self.model, self.data)
        self._settling = True
        observation: FloatArray = self.reset_model()
        self._prev_obs = observation[:18].copy()
        observation[18:36] = self._prev_obs
        self._scene = _scene(self.model)
        self._look_at_start()
        return observation, {}

    def step(self, action: NDArray[Any]) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """One step of 5 physics steps. The reward is always 0.0; the episode ends by its time limit alone.

        :param action: shape (4,): the hand's shift along x, y, z, and the fingers' effort.
        """
        self._lay_out()
        self.set_xyz_action(action[:3])
        self.do_simulation([action[3], -action[3]], self.frame_skip)
        self.curr_path_length += 1
        # Only the observation reads its results, but without it, the next step's solver would start elsewhere.
        mujoco.mj_forward(self.model, self.data)
        space = self.sawyer_observation_space
        self._last_stable_obs = np.clip(self._get_obs(), space.low, space.high)
        self._last_action = action
        return self._last_stable_obs.copy(), 0.0, False, False, {}

    def judged_success(self) -> float:
        """Upstream's success of the present state, 0.0 or 1.0; 0.0 at an episode's start, since it judges steps only.

        Upstream computes it together with the native reward, which is dropped. So it takes time, but not in training.
        """
        if self.curr_path_length == 0:
            return 0.0
        _, info = self.evaluate_state(self._last_stable_obs, self._last_action)
        return float(info["success"])

    def own_reward(self, action: NDArray[Any]) -> tuple[float, bool, dict[str, Any]]:
        """Upstream's reward of the last step, in [0, 10], and its info. Upstream ends no episode early."""
        reward, info = self.evaluate_state(self._last_stable_obs, action)
        return float(reward), False, info

    def full_observation(self) -> FloatArray:
        """The observation for the experts, shape (39,): the present instant twice, and the goal in any case."""
        return np.concatenate([self.seen, self.seen, self._get_pos_goal()])

    def _lay_out(self) -> None:
        """Restore this episode's positions, because another environment may have used the same model since."""
        self.model.body_pos[:], self.model.site_pos[:] = self._scene

    def _look_at_start(self) -> None:
        # Compute positions and velocities only: a full mj_forward would change the point where the solver starts.
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_comVel(self.model, self.data)
        self.seen = self.start = self._get_curr_obs_combined_no_goal()
        self.gripper_start = self.tcp_center

    # The methods below do what upstream's methods do, with less work.

    def _initialize_simulation(self) -> tuple[Any, Any]:
        model, self._scene = _compiled(self.fullpath)
        # Another task's environment may have moved things that this environment does not move.
        model.body_pos[:], model.site_pos[:] = self._scene
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, self.width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, self.height)
        data = mujoco.MjData(model)
        self._bodies = {model.body(i).name: data.xpos[i] for i in range(model.nbody)}
        self._sites = {model.site(i).name: data.site_xpos[i] for i in range(model.nsite)}
        if self.rotated is not None:
            kind, name = self.rotated
            self._rotation = getattr(data, kind)(name).xmat
        return model, data

    def _reset_hand(self, steps: int = 50) -> None:
        super()._reset_hand(steps if self._settling else 0)

    def _step_mujoco_simulation(self, ctrl: Any, n_frames: int) -> None:
        self.data.ctrl[:] = ctrl
        mujoco.mj_step(self.model, self.data, nstep=n_frames)

    def set_xyz_action(self, action: NDArray[Any]) -> None:
        """Shift the point that the hand follows by the action, within its bounds."""
        shifted = self.data.mocap_pos[0] + np.minimum(np.maximum(action, -1), 1) * self.action_scale
        self.data.mocap_pos[0] = np.minimum(np.maximum(shifted, self.mocap_low), self.mocap_high)
        self.data.mocap_quat[0] = _HAND_ORIENTATION

    def get_endeff_pos(self) -> FloatArray:
        """Position of the hand, shape (3,), not copied."""
        return self.get_body_com("hand")

    @property
    def tcp_center(self) -> FloatArray:
        """Middle between the fingertips, shape (3,)."""
        middle: FloatArray = (self._sites["rightEndEffector"] + self._sites["leftEndEffector"]) / 2.0
        return middle

    def get_body_com(self, body_name: str) -> FloatArray:
        """Position of a body's origin, shape (3,), not copied."""
        position: FloatArray = self._bodies[body_name]
        return position

    def _get_site_pos(self, site_name: str) -> FloatArray:
        position: FloatArray = self._sites[site_name].copy()
        return position

    def _get_quat_objects(self) -> FloatArray:
        if self.rotated is None:
            inherited: FloatArray = super()._get_quat_objects()
            return inherited
        return quaternion(self._rotation)

    def _get_curr_obs_combined_no_goal(self) -> FloatArray:
        observed = np.zeros(18)
        observed[:3] = self._bodies["hand"]
        apart = self._bodies["rightclaw"] - self._bodies["leftclaw"]
        observed[3] = min(max(math.sqrt(apart.dot(apart)) / 0.1, 0.0), 1.0)
        positions, quaternions = self._get_pos_objects(), self._get_quat_objects()
        observed[4:7], observed[7:11] = positions[:3], quaternions[:4]
        if len(positions) == 6:
            observed[11:14] = positions[3:]
            # Two tasks with a tool and a container observe only the tool's orientation.
            observed[14:18] = quaternions[4:] if len(quaternions) == 8 else 0.0
        return observed

    def _get_obs(self) -> FloatArray:
        now = self._get_curr_obs_combined_no_goal()
        goal = np.zeros(3) if self._partially_observable else self._get_pos_goal()
        observation = np.concatenate([now, self._prev_obs, goal])
        self.seen = self._prev_obs = now
        return observation


@functools.cache
def environment_class(env_id: str) -> type[FreshGoals]:
    """The class of the environment of that id."""
    upstream = ALL_V3_ENVIRONMENTS[env_id]
    members = {"rotated": TASKS[env_id].rotated, "__module__": __name__, "env_id": env_id}
    return type(upstream.__name__, (FreshGoals, upstream), members)


Scene = tuple[FloatArray, FloatArray]
"""Positions of a model's bodies and sites: shapes (bodies, 3) and (sites, 3)."""


@functools.lru_cache(maxsize=8)
def _compiled(path: str) -> tuple[Any, Scene]:
    """The model of a file, compiled once per process and shared by its environments, with the file's positions.

    A model takes 0.1 s and 20 MB, most of it for meshes and textures. Upstream changes only positions in it, at resets.
    """
    model = mujoco.MjModel.from_xml_path(path)
    return model, _scene(model)


def _scene(model: Any) -> Scene:
    return model.body_pos.copy(), model.site_pos.copy()


def quaternion(matrix: FloatArray) -> FloatArray:
    """What scipy's ``Rotation.from_matrix(matrix).as_quat()`` gives for a rotation matrix, to the last bit.

    Scipy takes up to 100 µs for it, as much as the rest of an observation. It also corrects matrices that are not
    rotations, which is never needed here: MuJoCo's are orthogonal to about 1e-15.

    :param matrix: nine numbers, row by row.
    :returns: x, y, z, w; shape (4,).
    """
    a, b, c, d, e, f, g, h, i = matrix.ravel().tolist()
    trace = a + e + i
    largest = max(a, e, i, trace)
    # Of equal values the first counts, as in numpy's argmax.
    if largest == a:
        x, y, z, w = 1 - trace + 2 * a, d + b, g + c, h - f
    elif largest == e:
        x, y, z, w = b + d, 1 - trace + 2 * e, h + f, c - g
    elif largest == i:
        x, y, z, w = c + g, f + h, 1 - trace + 2 * i, d - b
    else:
        x, y, z, w = h - f, c - g, d - b, 1 + trace
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    return np.array([x / norm, y / norm, z / norm, w / norm])
