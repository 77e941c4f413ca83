"""What the descriptions say about directions, shown by moving the robots."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.state.table import FieldTable

SIMULATOR = GymMujoco()


class Robot:
    """An environment at its model's rest pose, whose joints can be set by their names in the model."""

    def __init__(self, env_id: str) -> None:
        self.env: gymnasium.Env = SIMULATOR.make(env_id, {})
        self.env.reset(seed=0)
        self.table: FieldTable = SIMULATOR.fields(self.env)
        self.model, self.data = self.env.unwrapped.model, self.env.unwrapped.data
        self.pose()

    def pose(self, **joints: float) -> None:
        self.data.qpos[:] = self.model.qpos0
        self.data.qvel[:] = 0
        for name, value in joints.items():
            self.data.qpos[self.model.joint(name).qposadr[0]] = value
        mujoco.mj_forward(self.model, self.data)

    def quaternion(self, *values: float, height: float | None = None) -> None:
        self.data.qpos[:] = self.model.qpos0
        self.data.qpos[3:7] = np.array(values) / np.linalg.norm(values)
        if height is not None:
            self.data.qpos[2] = height
        mujoco.mj_forward(self.model, self.data)

    def __getattr__(self, name: str) -> Any:
        field = self.table.get(name)
        if field is None:
            raise AttributeError(name)
        return field.read(self.env)


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5"])
def test_positive_pitch_leans_forward_and_forward_is_plus_x(env_id: str) -> None:
    robot = Robot(env_id)
    start = robot.torso_height
    robot.pose(rooty=0.3, rootx=2.0)
    assert robot.torso_pitch == 0.3 and robot.x_position == 2.0
    assert robot.torso_up_axis[0] > 0.2
    robot.pose(rootz=robot.model.qpos0[1] + 0.5)
    assert robot.torso_height == pytest.approx(start + 0.5)
    assert robot.torso_height == pytest.approx(robot.torso_position[2])
    robot.pose(rooty=2 * np.pi)
    assert robot.torso_pitch == pytest.approx(2 * np.pi)


@pytest.mark.parametrize(("env_id", "height"), [("HalfCheetah-v5", 0.7), ("Hopper-v5", 1.25)])
def test_torso_height_is_the_world_height_even_where_qpos_is_relative(env_id: str, height: float) -> None:
    assert Robot(env_id).torso_height == pytest.approx(height)
    assert f"{height} at the start" in Robot(env_id).table.get("torso_height").doc


def test_cheetah_limbs_swing_backward_with_a_positive_angle() -> None:
    robot = Robot("HalfCheetah-v5")
    limbs = {"bthigh": "back_shin", "bshin": "back_foot", "fthigh": "front_shin", "fshin": "front_foot"}
    for joint, lower in limbs.items():
        robot.pose()
        before = getattr(robot, f"{lower}_position")[0]
        robot.pose(**{joint: 0.2})
        assert getattr(robot, f"{lower}_position")[0] < before - 0.01, joint
    for joint, geom in (("bfoot", "bfoot"), ("ffoot", "ffoot")):
        robot.pose()
        before = robot.data.geom(geom).xpos[0]
        robot.pose(**{joint: 0.2})
        assert robot.data.geom(geom).xpos[0] < before - 0.005
    assert robot.back_thigh_position[0] < robot.front_thigh_position[0]


@pytest.mark.parametrize(
    ("env_id", "joints", "prefix"),
    [
        ("Hopper-v5", ("thigh_joint", "leg_joint", "foot_joint"), ""),
        ("Walker2d-v5", ("thigh_joint", "leg_joint", "foot_joint"), "right_"),
        ("Walker2d-v5", ("thigh_left_joint", "leg_left_joint", "foot_left_joint"), "left_"),
    ],
)
def test_negative_leg_angles_swing_back_and_positive_foot_lifts_the_toes(
    env_id: str, joints: tuple[str, str, str], prefix: str
) -> None:
    robot = Robot(env_id)
    thigh, leg, foot = joints
    straight = getattr(robot, f"{prefix}foot_position")[0]
    robot.pose(**{thigh: -0.3})
    assert getattr(robot, f"{prefix}foot_position")[0] < straight
    assert getattr(robot, f"{prefix}thigh_angle") == -0.3
    robot.pose(**{leg: -0.3})
    assert getattr(robot, f"{prefix}foot_position")[0] < straight
    assert getattr(robot, f"{prefix}leg_angle") == -0.3
    level = getattr(robot, f"{prefix}foot_height")
    robot.pose(**{foot: 0.3})
    assert getattr(robot, f"{prefix}foot_height") > level + 0.01  # the foot's centre lies ahead of the ankle
    assert getattr(robot, f"{prefix}foot_angle") == 0.3


@pytest.mark.parametrize("env_id", ["Hopper-v5", "Walker2d-v5", "HalfCheetah-v5", "Ant-v5", "Humanoid-v5"])
def test_contacts_and_foot_heights_tell_standing_from_flying(env_id: str) -> None:
    robot = Robot(env_id)
    contacts = [f.name for f in robot.table if f.name.endswith("foot_contact")]
    heights = [f.name for f in robot.table if f.name.endswith("foot_height")]
    assert contacts
    lift = 2 if env_id in {"Ant-v5", "Humanoid-v5"} else 1  # index of the height in qpos
    robot.pose()
    robot.data.qpos[lift] += 2
    mujoco.mj_forward(robot.model, robot.data)
    assert [getattr(robot, name) for name in contacts] == [0.0] * len(contacts)
    assert all(getattr(robot, name) > 1 for name in heights)
    robot.env.reset(seed=0)
    touched = dict.fromkeys(contacts, 0.0)
    for _ in range(150):  # let it fall
        robot.env.step(np.zeros(robot.env.action_space.shape, dtype=np.float32))
        touched = {name: max(value, getattr(robot, name)) for name, value in touched.items()}
    assert set(touched.values()) == {1.0}
    assert any(getattr(robot, f.name) > 1 for f in robot.table if f.name.endswith("_contact_force"))


def test_foot_heights_of_standing_robots_are_what_the_descriptions_say() -> None:
    ant = Robot("Ant-v5")
    for _ in range(60):
        ant.env.step(np.zeros(8, dtype=np.float32))
    for where in ("front_left", "front_right", "back_left", "back_right"):
        assert getattr(ant, f"{where}_foot_height") == pytest.approx(0.08, abs=0.02)
        assert getattr(ant, f"{where}_foot_contact") == 1.0
    hopper = Robot("Hopper-v5")
    hopper.env.reset(seed=0)
    for _ in range(12):
        hopper.env.step(np.zeros(3, dtype=np.float32))
    assert hopper.foot_contact == 1.0
    assert hopper.foot_height == pytest.approx(0.06, abs=0.02)


def test_ant_legs_are_where_their_names_say() -> None:
    ant = Robot("Ant-v5")
    for end, forward in (("front", 1), ("back", -1)):
        for side, left in (("left", 1), ("right", -1)):
            foot = getattr(ant, f"{end}_{side}_shin_position") - ant.torso_position
            assert np.sign(foot[:2]).tolist() == [forward, left]
    number = {"front_left": 1, "back_left": 2, "back_right": 3, "front_right": 4}
    for where, leg in number.items():
        ant.pose(**{f"ankle_{leg}": 0.0})
        level = getattr(ant, f"{where}_foot_height")
        for sign in (-1, 1):
            ant.pose(**{f"ankle_{leg}": sign * 0.5})
            down = getattr(ant, f"{where}_foot_height") < level
            assert down == (sign == 1) if where.startswith("front") else down == (sign == -1), where
            assert getattr(ant, f"{where}_ankle_angle") == sign * 0.5
        shin = getattr(ant, f"{where}_shin_position")[:2]
        ant.pose(**{f"hip_{leg}": 0.3})
        moved = getattr(ant, f"{where}_shin_position")[:2]
        assert shin[0] * moved[1] - shin[1] * moved[0] > 0, where  # counter-clockwise from above


@pytest.mark.parametrize("env_id", ["Ant-v5", "Humanoid-v5"])
def test_up_alignment_and_heading(env_id: str) -> None:
    robot = Robot(env_id)
    assert robot.up_alignment == pytest.approx(1.0) and robot.heading_angle == pytest.approx(0.0)
    robot.quaternion(1, 1, 0, 0)  # a quarter turn about x
    assert robot.up_alignment == pytest.approx(0.0, abs=1e-9)
    robot.quaternion(0, 1, 0, 0)
    assert robot.up_alignment == pytest.approx(-1.0)
    robot.quaternion(np.cos(0.25), 0, 0, np.sin(0.25))  # half a radian to the left
    assert robot.heading_angle == pytest.approx(0.5)
    assert robot.up_alignment == pytest.approx(1.0)


def test_a_standing_humanoid_standup_is_upright() -> None:
    robot = Robot("HumanoidStandup-v5")
    assert robot.up_alignment == pytest.approx(0.0, abs=0.05)
    lying = robot.head_height
    robot.quaternion(np.cos(np.pi / 4), 0, np.sin(np.pi / 4), 0, height=1.4)  # head up
    assert robot.up_alignment == pytest.approx(1.0)
    assert robot.head_height > lying + 1
    assert robot.right_foot_height < 0.5 < robot.torso_height < robot.head_height


def test_humanoid_knees_and_hips_bend_as_described() -> None:
    robot = Robot("Humanoid-v5")
    assert robot.head_height > robot.torso_height > 1
    straight = robot.right_foot_position[0]
    robot.pose(right_knee=-1.0)
    assert robot.right_foot_position[0] < straight - 0.2
    robot.pose(right_hip_y=-1.0)
    assert robot.right_shin_position[0] > 0.2
    assert robot.right_hip_y_angle == -1.0
    robot.pose(abdomen_y=-0.5)
    pelvis_forward_of_torso = robot.pelvis_position[0] - robot.torso_position[0]
    assert pelvis_forward_of_torso > 0.05


def test_swimmer_heading_and_joints() -> None:
    robot = Robot("Swimmer-v5")
    robot.pose(free_body_rot=np.pi / 2)
    front = robot.data.geom_xpos[1]
    assert front[1] > 0.9 and abs(front[0]) < 1e-6  # points to +y, the left
    assert robot.heading_angle == pytest.approx(np.pi / 2)
    robot.pose(motor1_rot=0.5)
    assert robot.front_joint_angle == 0.5
    assert robot.middle_link_quaternion[3] > 0  # counter-clockwise
    robot.pose(motor2_rot=0.5)
    assert robot.back_joint_angle == 0.5
    assert robot.back_link_quaternion[3] > 0 and robot.middle_link_quaternion[3] == pytest.approx(0)


def test_reacher_vector_points_from_the_fingertip_to_the_target() -> None:
    robot = Robot("Reacher-v5")
    robot.pose(target_x=0.15, target_y=0.05)
    np.testing.assert_allclose(robot.target_position, [0.15, 0.05])
    np.testing.assert_allclose(robot.data.body("target").xpos[:2], [0.15, 0.05])
    np.testing.assert_allclose(robot.fingertip_position, [0.21, 0.0], atol=1e-9)
    np.testing.assert_allclose(robot.fingertip_to_target, [-0.06, 0.05], atol=1e-9)
    assert robot.fingertip_to_target_distance == pytest.approx(np.hypot(0.06, 0.05))
    robot.pose(joint0=np.pi / 2)
    np.testing.assert_allclose(robot.fingertip_position, [0.0, 0.21], atol=1e-9)
    assert robot.shoulder_angle == pytest.approx(np.pi / 2)
    robot.pose(joint1=0.5)
    assert robot.elbow_angle == 0.5 and robot.fingertip_position[1] > 0.04
    robot.pose()
    robot.data.qvel[0] = 2.0
    mujoco.mj_forward(robot.model, robot.data)
    np.testing.assert_allclose(robot.fingertip_velocity, [0.0, 0.42], atol=1e-9)


def test_pusher_vectors() -> None:
    robot = Robot("Pusher-v5")
    robot.pose(obj_slidex=0.1, obj_slidey=-0.2, goal_slidex=0.0, goal_slidey=0.1)
    np.testing.assert_allclose(robot.object_to_goal, (robot.goal_position - robot.object_position)[:2])
    assert robot.object_to_goal_distance == pytest.approx(np.linalg.norm(robot.object_to_goal))
    np.testing.assert_allclose(robot.fingertip_to_object, robot.object_position - robot.fingertip_position)
    assert robot.fingertip_to_object_distance == pytest.approx(np.linalg.norm(robot.fingertip_to_object))
    assert robot.fingertip_position[0] == pytest.approx(0.921)  # at the fingers, 10 cm beyond the wrist
    robot.pose(obj_slidex=0.5)
    assert robot.object_position[0] == pytest.approx(0.45 + 0.5)


@pytest.mark.parametrize("env_id", ["InvertedPendulum-v5", "InvertedDoublePendulum-v5"])
def test_positive_pole_angles_lean_towards_plus_x(env_id: str) -> None:
    robot = Robot(env_id)
    assert robot.pole_angle == 0 and robot.pole_up_axis[2] == pytest.approx(1)
    robot.pose(hinge=0.2, slider=0.3)
    assert robot.pole_angle == 0.2 and robot.pole_up_axis[0] > 0.19
    assert robot.cart_position == 0.3
    if env_id == "InvertedDoublePendulum-v5":
        robot.pose(hinge=0.2, hinge2=-0.2)
        assert robot.second_pole_angle == pytest.approx(0) and robot.second_pole_up_axis[2] == pytest.approx(1)
        robot.pose()
        assert robot.tip_height == pytest.approx(1.2, abs=0.01)
        robot.pose(slider=0.3)
        np.testing.assert_allclose(robot.tip_position, [0.3, robot.tip_height], atol=1e-9)


def test_a_body_of_several_parts_touches_when_one_of_them_does() -> None:
    robot = Robot("HalfCheetah-v5")
    robot.pose(rootz=3.0)
    assert (robot.torso_contact, robot.head_contact) == (0.0, 0.0)
    robot.pose(rootz=3.0, rooty=np.pi / 2)  # nose down: only the head can reach the ground
    head = robot.data.geom("head")
    radius, half = robot.model.geom("head").size[:2]
    nose = head.xpos[2] - abs(head.xmat[8]) * half - radius + 0.01
    robot.pose(rootz=3.0 - nose - 0.02, rooty=np.pi / 2)
    assert (robot.torso_contact, robot.head_contact) == (1.0, 1.0)
    touching = set(robot.data.contact.geom.ravel().tolist())
    assert robot.model.geom("torso").id not in touching and robot.model.geom("head").id in touching
