"""A MuJoCo environment that nobody annotated gets a full and right table."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.simulators.gym.scenery import MOST_PLACES, scenery
from reward_synth.state.custom_fields import with_own_fields
from reward_synth.state.expressions import OwnField
from reward_synth.tasks.spec import EnvironmentSpec

SIMULATOR = GymMujoco()


@pytest.fixture
def crane(crane_file: str) -> gymnasium.Env:
    env = SIMULATOR.make("Crane-v3", {"model": crane_file})
    env.reset(seed=0)
    return env


def test_every_kind_of_part_gets_fields_under_clear_and_distinct_names(crane: gymnasium.Env) -> None:
    table = SIMULATOR.fields(crane)
    layout = dict(table.layout())
    expected = {
        "lift_position": (), "lift_velocity": (), "joint_2nd_turn_angle": (), "wrist_quaternion": (4,),
        "wrist_angular_velocity": (3,), "crate_angular_velocity": (3,), "tower_base_position": (3,),
        "boom_velocity": (3,), "body_3_quaternion": (4,), "crate_contact": (), "crate_contact_force": (),
        "finger_left_contact": (), "finger_right_contact": (), "hook_position": (3,), "hoist_control": (),
        "action_value_control": (), "hook_acceleration": (3,), "lift": (), "goal_position": (3,),
        "center_of_mass_position": (3,), "hook_sensor_position": (3,),
    }  # fmt: skip
    assert {name: layout.get(name) for name in expected} == expected
    assert all(name.isidentifier() and not name.startswith("_") for name in table.names)
    assert "goal_velocity" not in layout and "goal_contact" not in layout  # it never moves nor touches
    assert not any(field.essential for field in table)
    assert table.essential() is table
    assert "crate_position: np.ndarray" in table.stub(short=True)


def test_walls_are_told_though_no_field_is_theirs() -> None:
    cell = '<geom type="box" size=".5 .5 .2" pos="{} 2 .2"/>'
    parts = [
        '<geom type="plane" size="9 9 1"/>',
        *(cell.format(x) for x in (-1, 0, 1)),
        '<geom type="capsule" size=".1 .3" pos="0 0 1" euler="90 0 0"/>',
        '<geom type="box" size="7 7 7" contype="0" conaffinity="0"/>',
        '<body name="ball"><freejoint/><geom size=".1"/></body>',
    ]
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{''.join(parts)}</worldbody></mujoco>")
    boxes = "box, half sizes 0.5, 0.5, 0.2: (-1, 2, 0.2), (0, 2, 0.2), (1, 2, 0.2)"
    turned = "capsule, radius 0.1, half length 0.3, turned by the quaternion (0.7071, 0.7071, 0, 0): (0, 0, 1)"
    assert scenery(model) == (boxes, turned)

    class Maze(gymnasium.Env):
        observation_space, action_space = gymnasium.spaces.Box(-9, 9, (7,)), gymnasium.spaces.Box(-1, 1, (1,))
        render_mode, dt = None, 0.01

        def __init__(self) -> None:
            self.model, self.data = model, mujoco.MjData(model)

        def reset(self, *, seed=None, options=None):
            return self.data.qpos.astype(np.float32), {}

        def step(self, action):
            return self.data.qpos.astype(np.float32), 0.0, False, False, {}

    own = {"height": OwnField(index=2)}
    table = with_own_fields(SIMULATOR.fields(Maze()), own, Maze()).for_rewards()
    fixed = f"# fixed in the world, with centres x, y, z, all in m:\n#   {boxes}\n#   {turned}\n"
    parts = "# shapes of its parts, in m:\n#   sphere, radius 0.1: ball\n"
    assert table.stub(grouped=True).endswith(fixed + parts) and "radius" not in table.stub(short=True)


def test_shapes_are_told_by_kind_and_size_with_the_names_that_the_fields_have() -> None:
    table = field_table(EnvironmentSpec.of("Ant-v5"))
    assert "front_left_shin_position" in table.names
    legs = "front_left_shin, back_left_shin, back_right_shin, front_right_shin"
    assert f"#   capsule, radius 0.08, half length 0.2828: {legs}\n" in table.stub(grouped=True)
    arm = field_table(EnvironmentSpec.of("Pusher-v5")).stub()
    assert "cylinder, radius 0.05, half length 0.05: object" in arm
    assert "plane, drawn with half sizes 1, 1: (0, 0.5, -0.325)" in arm, "the table that goals speak of"
    assert "plane" not in table.stub(), "the ground"


def test_a_thousand_walls_are_not_all_told() -> None:
    cells = "".join(f'<geom type="box" size=".5 .5 {1 + n % 2}" pos="{n} 0 0"/>' for n in range(1000))
    lines = scenery(mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{cells}</worldbody></mujoco>"))
    assert len(lines) == 2 and lines[0].count("(") == MOST_PLACES and lines[1] == "and 900 more"


def test_values_are_those_of_the_simulator(crane: gymnasium.Env) -> None:
    table = SIMULATOR.fields(crane)
    read = table.reader(crane)
    data = crane.unwrapped.data
    for _ in range(10):
        crane.step(np.array([0.3, 1.0]))
    row, places = read(), table.columns()
    np.testing.assert_array_equal(row[places["crate_position"]], data.qpos[6:9])
    np.testing.assert_array_equal(row[places["hook_acceleration"]], data.sensor("hook acceleration").data)
    np.testing.assert_array_equal(row[places["hook_position"]], data.site("hook").xpos)
    np.testing.assert_array_equal(row[places["body_3_position"]], data.xpos[3])
    np.testing.assert_array_equal(row, np.concatenate([np.ravel(f.read(crane.unwrapped)) for f in table]))
    for body in ("tower_base", "boom", "body_3", "crate"):
        number = {"tower_base": 1, "boom": 2, "body_3": 3, "crate": 4}[body]
        twist = np.zeros(6)
        mujoco.mj_forward(crane.unwrapped.model, data)
        mujoco.mj_objectVelocity(crane.unwrapped.model, data, mujoco.mjtObj.mjOBJ_XBODY, number, twist, 0)
        velocity = table.get(f"{body}_velocity").read(crane)
        np.testing.assert_allclose(velocity, twist[3:], atol=1e-9)


def test_a_resting_crate_touches_the_ground_with_its_weight(crane: gymnasium.Env) -> None:
    table = SIMULATOR.fields(crane).subset(["crate_contact", "crate_contact_force", "crate_velocity"])
    read = table.reader(crane)
    np.testing.assert_array_equal(read()[-2:], [0.0, 0.0])  # in the air after the reset
    for _ in range(45):
        crane.step(np.zeros(2))
    assert read()[3] == 1.0
    assert read()[4] == pytest.approx(3 * 9.81, rel=0.02)
    np.testing.assert_allclose(read()[:3], 0.0, atol=0.01)


def test_actions_say_what_servos_and_reversed_motors_do(crane: gymnasium.Env) -> None:
    hoist, turn = SIMULATOR.fields(crane).actions
    assert (hoist.name, hoist.unit) == ("hoist", "40 N") and "+ decreases lift_position" in hoist.doc
    assert (turn.name, turn.unit, turn.low, turn.high) == ("action_value", "rad", -2.0, 2.0)
    assert "joint_2nd_turn_angle" in turn.doc


def test_rescaled_actions_claim_no_unit(crane_file: str) -> None:
    env = SIMULATOR.make("Crane-v3", {"model": crane_file})
    scaled = gymnasium.wrappers.RescaleAction(env, -np.ones(2) * 5, np.ones(2) * 5)
    actions = SIMULATOR.fields(scaled).actions
    assert {(a.unit, a.low, a.high) for a in actions} == {("1", -5.0, 5.0)}


def test_equality_constraints_leave_out_contact_forces(crane_file: str) -> None:
    """MuJoCo adds their forces to the contact forces."""
    path = Path(crane_file)
    weld = '<equality><connect body1="crate" anchor="0 0 0"/></equality><actuator>'
    path.write_text(path.read_text().replace("<actuator>", weld))
    names = SIMULATOR.fields(SIMULATOR.make("Crane-v3", {"model": crane_file})).names
    assert "crate_contact" in names and "crate_contact_force" not in names


def test_a_custom_model_of_a_standard_environment_is_not_annotated(crane_file: str) -> None:
    env = SIMULATOR.make("Ant-v5", {"xml_file": crane_file})
    table = SIMULATOR.fields(env)
    assert "lift_position" in table.names and "torso_height" not in table.names


def test_an_older_version_of_a_standard_environment_is_annotated() -> None:
    assert "torso_pitch" in SIMULATOR.fields(SIMULATOR.make("HalfCheetah-v4", {})).names


def test_a_replaced_simulator_state_is_noticed(crane: gymnasium.Env) -> None:
    read = SIMULATOR.fields(crane).reader(crane)
    read()
    crane.unwrapped.data = mujoco.MjData(crane.unwrapped.model)
    with pytest.raises(RuntimeError, match="make a new reader"):
        read()
