"""Every field of every annotated MuJoCo environment, held against the live simulator."""

from __future__ import annotations

import functools
import math
import sys

import gymnasium
import mujoco
import numpy as np
import pytest

from reward_synth.simulators import get_simulator, open_by_id, simulator_of
from reward_synth.simulators.gym.annotations import ANNOTATIONS
from reward_synth.state.table import FieldTable

GYM = tuple(ANNOTATIONS)
ENVIRONMENTS = (*GYM, *get_simulator("dmcontrol").environments())


@functools.cache
def case(env_id: str) -> tuple[gymnasium.Env, FieldTable]:
    base = env_id.split("-")[0]
    falls = base in {"Ant", "Hopper", "Humanoid", "Walker2d"}
    simulator = get_simulator(simulator_of(env_id))
    env = simulator.make(env_id, {"terminate_when_unhealthy": False} if falls else {}, horizon=1000)
    env.reset(seed=0)
    return env, simulator.fields(env)


def roll(env: gymnasium.Env, episodes: int, steps: int):
    """Random episodes that reach extremes: actions at their bounds, held for a while."""
    generator = np.random.default_rng(3)
    space = env.action_space
    for episode in range(episodes):
        env.reset(seed=episode)
        yield True
        hold, action = int(generator.integers(2, 20)), space.low
        for step in range(steps):
            if step % hold == 0:
                extreme = np.where(generator.random(space.shape) < 0.5, space.low, space.high)
                action = extreme if episode % 2 else generator.uniform(space.low, space.high).astype(np.float32)
            env.step(action)
            yield False


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_values_have_their_shape_are_finite_and_stay_in_range(env_id: str) -> None:
    env, table = case(env_id)
    read, low, high = table.reader(env), table.low - 1e-9, table.high + 1e-9
    rows = np.array([read() for _ in roll(env, episodes=6, steps=100)])
    assert rows.shape == (606, table.width())
    assert np.isfinite(rows).all()
    places = table.columns()
    outside = [
        (f.name, rows[:, places[f.name]].min(), rows[:, places[f.name]].max())
        for f in table
        if (rows[:, places[f.name]] < low[places[f.name]]).any()
        or (rows[:, places[f.name]] > high[places[f.name]]).any()
    ]
    assert outside == []
    switches = [f.name for f in table if f.unit == "0/1"]
    for name in switches:
        assert set(np.unique(rows[:, places[name]])) <= {0.0, 1.0}


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_reading_leaves_the_simulation_alone(env_id: str) -> None:
    """Two environments, one of them read at every step, live through the very same trajectory."""
    env, table = case(env_id)
    other = open_by_id(env_id)
    read = table.reader(env)
    env.reset(seed=11)
    other.reset(seed=11)
    generator = np.random.default_rng(1)
    for _ in range(15):
        action = generator.uniform(env.action_space.low, env.action_space.high).astype(np.float32)
        read()
        np.testing.assert_array_equal(env.step(action)[0], other.step(action)[0])
        read()
    other.close()


def set_state(env: gymnasium.Env, qpos: np.ndarray, qvel: np.ndarray) -> None:
    env.unwrapped.data.qpos[:] = qpos
    env.unwrapped.data.qvel[:] = qvel
    mujoco.mj_forward(env.unwrapped.model, env.unwrapped.data)


RATES = {
    "heading_angle": "heading_velocity",
    "torso_pitch": "torso_pitch_velocity",
    "torso_height": "z_velocity",
    "joint_angles": "joint_velocities",
    "cart_body_position": "cart_body_velocity",
    "fingertip_body_position": "fingertip_body_velocity",
}


def rate_of(name: str, table: FieldTable) -> str | None:
    for end, rate in (("_position", "_velocity"), ("_angle", "_angular_velocity")):
        candidate = name.removesuffix(end) + rate
        if name.endswith(end) and table.get(candidate):
            return candidate
    rate = RATES.get(name)
    return rate if rate and table.get(rate) else None


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_each_velocity_is_the_rate_of_its_position(env_id: str) -> None:
    """Move along the present velocity for a moment: sign and unit of every velocity field follow."""
    env, table = case(env_id)
    model, data = env.unwrapped.model, env.unwrapped.data
    read, places, moment = table.reader(env), table.columns(), 1e-6
    for _ in roll(env, episodes=1, steps=12):
        pass
    qpos, qvel = data.qpos.copy(), data.qvel.copy()
    set_state(env, qpos, qvel)
    now = read()
    ends = []
    for sign in (-1, 1):
        moved = qpos.copy()
        mujoco.mj_integratePos(model, moved, qvel, sign * moment)
        set_state(env, moved, qvel)
        ends.append(read())
    checked = 0
    for field in table:
        rate = rate_of(field.name, table)
        if rate is None or table.get(rate).shape != field.shape:
            continue
        numeric = ((ends[1] - ends[0]) / (2 * moment))[places[field.name]]
        np.testing.assert_allclose(now[places[rate]], numeric, rtol=1e-4, atol=1e-5, err_msg=rate)
        checked += 1
    named = [f.name for f in table if f.name.endswith("_velocity") or f.name == "joint_velocities"]
    # A free body's own angular velocity is checked through its rotation rate below.
    spins = {"torso_angular_velocity", "second_pole_joint_angular_velocity"}
    assert {rate_of(f.name, table) for f in table} | spins >= set(named)
    assert checked >= 4
    set_state(env, qpos, qvel)


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_rotation_rates_turn_the_quaternions(env_id: str) -> None:
    env, table = case(env_id)
    model, data = env.unwrapped.model, env.unwrapped.data
    for _ in roll(env, episodes=1, steps=9):
        pass
    qpos, qvel, moment = data.qpos.copy(), data.qvel.copy(), 1e-6
    set_state(env, qpos, qvel)
    names = [f.name.removesuffix("_rotation_rate") for f in table if f.name.endswith("_rotation_rate")]
    assert names
    rates = {n: table.get(f"{n}_rotation_rate").read(env) for n in names}
    before = {n: table.get(f"{n}_quaternion").read(env) for n in names}
    ups = {n: table.get(f"{n}_up_axis").read(env) for n in names}
    spin = table.get("torso_angular_velocity")
    own = spin.read(env) if spin else None
    moved = qpos.copy()
    mujoco.mj_integratePos(model, moved, qvel, moment)
    set_state(env, moved, qvel)
    for name in names:
        inverse, turn, vector, up = np.zeros(4), np.zeros(4), np.zeros(3), np.zeros(3)
        mujoco.mju_negQuat(inverse, before[name])
        mujoco.mju_mulQuat(turn, table.get(f"{name}_quaternion").read(env), inverse)
        mujoco.mju_quat2Vel(vector, turn, moment)
        np.testing.assert_allclose(rates[name], vector, rtol=1e-3, atol=1e-3, err_msg=name)
        mujoco.mju_rotVecQuat(up, np.array([0.0, 0.0, 1.0]), before[name])
        np.testing.assert_allclose(ups[name], up, atol=1e-9)
    if own is not None:
        world = np.zeros(3)
        mujoco.mju_rotVecQuat(world, own, before["torso"])
        np.testing.assert_allclose(rates["torso"], world, atol=1e-9)
    set_state(env, qpos, qvel)


@pytest.mark.parametrize("env_id", GYM)
def test_body_poses_lag_by_no_more_than_a_substep(env_id: str) -> None:
    """What the page on fields says about the instant of each value."""
    env, table = case(env_id)
    model, data = env.unwrapped.model, env.unwrapped.data
    read, places = table.reader(env), table.columns()
    euler = model.opt.integrator == int(mujoco.mjtIntegrator.mjINT_EULER)
    assert euler == (env_id in {"HalfCheetah-v5", "Pusher-v5"})
    for _ in roll(env, episodes=1, steps=20):
        pass
    after_step = read()
    mujoco.mj_forward(model, data)
    fresh = read()
    for field in table:
        joint_state = field.code.startswith(("data.qpos", "data.qvel", "(data.qpos", "(data.qvel"))
        plain = joint_state and "xpos" not in field.code
        change = np.abs(after_step[places[field.name]] - fresh[places[field.name]]).max()
        if plain:
            assert change == 0, field.name
        elif field.name.endswith("_position"):
            body = table.get(field.name.removesuffix("_position") + "_velocity")
            speed = np.abs(fresh[places[body.name]]).max() if body else 10.0
            allowed = 2 * model.opt.timestep * (speed + 1.0) if euler else 1e-3 * (speed + 1.0)
            assert change <= allowed, (field.name, change, allowed)


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_actions_drive_their_joint_with_the_unit_and_sign_told(env_id: str) -> None:
    env, table = case(env_id)
    model, data = env.unwrapped.model, env.unwrapped.data
    assert [a.index for a in table.actions] == list(range(env.action_space.shape[0]))
    for action in table.actions:
        assert (action.low, action.high) == (
            float(env.action_space.low[action.index]),
            float(env.action_space.high[action.index]),
        )
        env.reset(seed=0)
        data.ctrl[:] = 0
        data.ctrl[action.index] = 1.0 if action.high >= 1 else action.high
        used = float(data.ctrl[action.index])
        mujoco.mj_forward(model, data)
        driven = np.flatnonzero(data.qfrc_actuator)
        assert len(driven) == 1
        strength, unit = action.unit.split(" ")
        assert data.qfrc_actuator[driven[0]] == pytest.approx(float(strength) * used)
        name = action.doc.split()[-1].rstrip(".")
        field = table.get(name)
        assert "+ increases" in action.doc and field is not None
        assert unit == ("N·m" if field.unit == "rad" else "N")
        control = table.get(f"{action.name}_control")
        assert control.read(env) == pytest.approx(used)
        # The named field is the very joint that the actuator pushes.
        data.qvel[:] = 0
        data.qvel[driven[0]] = 1.0
        rate = table.get(rate_of(name, table))
        assert rate.read(env) == 1.0


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_stub_is_complete_and_tells_nothing_of_the_native_reward(env_id: str) -> None:
    table = case(env_id)[1].for_rewards()
    full, short = table.stub(), table.stub(short=True)
    for text in (full, short):
        compile(text, env_id, "exec")
        for word in ("reward", "cost", "healthy", env_id.split("-")[0]):
            assert word.lower() not in text.lower()
    assert all(f"    {f.name}: " in full for f in table)
    essential = [f.name for f in table if f.essential]
    assert 4 <= len(essential) <= 14
    assert short.count("\n    ") == len(essential)
    assert all(f"action[{a.index}]: {a.name} " in full for a in table.actions)
    assert max(len(line) for line in short.splitlines()) < 300


def test_joints_and_actuators_of_all_models_are_named_by_hand() -> None:
    for env_id, annotation in ANNOTATIONS.items():
        env, table = case(env_id)
        assert annotation.applies(env.unwrapped)
        assert not [f.name for f in table if f.name[-1].isdigit()], env_id


def test_range_of_a_wrapped_angle_is_pi() -> None:
    field = case("Ant-v5")[1].get("heading_angle")
    assert (field.low, field.high) == (-math.pi, math.pi)


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_reading_the_essential_fields_is_cheap(env_id: str) -> None:
    """One compiled function with a handful of calls into C, whatever the fields: 1 to 4 microseconds on one core."""
    env, table = case(env_id)
    read = table.essential().reader(env)
    calls: list[str] = []
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    read()
    sys.setprofile(None)
    assert calls.count("call") == 1
    assert calls[:-1].count("c_call") <= 8
