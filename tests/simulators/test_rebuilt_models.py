"""Environments that compile their model anew at a reset, and what else people's models hold."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium import spaces

from reward_synth.core.errors import EnvironmentFault
from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.state.recorder import StateRecorder

SIMULATOR = GymMujoco()
RIG = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.004"/>
  <worldbody>
    <camera name="front" pos="0 -2 1" xyaxes="1 0 0 0 0.5 1"/>
    <body name="rig/arm-1" pos="0 0 .5">
      <joint name="class" type="hinge" axis="0 1 0" range="-2 2"/>
      <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03" mass="MASS"/>
      <site name="s0" pos=".1 0 .05"/>
      <body name="rig/arm_1" pos=".3 0 0">
        <joint name="length" type="ball"/>
        <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03" mass=".5"/>
        <site name="s1" pos=".2 0 .05"/>
      </body>
    </body>
    <body name="box 1" pos=".5 .5 .1"><freejoint/><geom type="box" size=".05 .05 .05" mass=".2"/></body>
    <body name="box 2" pos="-.5 .5 .1"><freejoint name="dt"/><geom type="box" size=".05 .05 .05" mass=".2"/></body>
    <body name="target" mocap="true" pos=".4 0 .6"><geom size=".02" contype="0" conaffinity="0"/></body>
    <body name="lamp" pos="0 .4 0"><joint name="time" type="slide" axis="0 0 1" range="0 .2"/>
      <geom size=".05" mass="1"/><site name="m1" pos="0 0 .05"/></body>
    <site name="m0" pos="0 .4 .4"/>
    MORE
  </worldbody>
  <tendon>
    <spatial name="cord" range="0 1"><site site="s0"/><site site="s1"/></spatial>
    <fixed name="mix"><joint joint="class" coef="1"/><joint joint="time" coef="2"/></fixed>
    <spatial name="muscle path"><site site="m0"/><site site="m1"/></spatial>
  </tendon>
  <actuator>
    <motor name="turn" joint="class" gear="5" ctrlrange="-1 1"/>
    <position name="mixer" tendon="mix" kp="10" ctrlrange="-1 1"/>
    <muscle name="biceps" tendon="muscle path" force="20" ctrlrange="0 1" lengthrange="0.05 0.6"/>
  </actuator>
</mujoco>
"""


class Rebuilt(gymnasium.Env[Any, Any]):
    """Compiles its model anew at each reset, with another mass."""

    def __init__(self, more: str = "") -> None:
        self.more = ""
        self.compile(1.0)
        self.more = more
        self.observation_space = spaces.Box(-np.inf, np.inf, (self.model.nq,), np.float64)
        self.action_space = spaces.Box(-1, 1, (3,), np.float32)

    def compile(self, mass: float) -> None:
        text = RIG.replace("MASS", str(mass)).replace("MORE", self.more)
        self.model = mujoco.MjModel.from_xml_string(text)
        self.data = mujoco.MjData(self.model)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.compile(self.np_random.uniform(0.5, 2))
        mujoco.mj_forward(self.model, self.data)
        return self.data.qpos.copy(), {}

    def step(self, action: Any) -> Any:
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=5)
        return self.data.qpos.copy(), 0.0, False, False, {}


gymnasium.register("Rebuilt-v0", entry_point=Rebuilt)


def test_a_model_that_is_compiled_anew_is_read_anew() -> None:
    env = SIMULATOR.make("Rebuilt-v0", {})
    table = SIMULATOR.fields(env)
    recorder = StateRecorder(env, table)
    ends = []
    for seed in (1, 2, 1):
        recorder.reset(seed=seed)
        for _ in range(10):
            row = recorder.step(np.array([1, 0, 1], np.float32))[4]["next_state"]
        assert row[table.columns()["class_value_angle"]] == env.unwrapped.data.qpos[0]
        ends.append(row)
    np.testing.assert_array_equal(ends[0], ends[2])
    assert not np.array_equal(ends[0], ends[1])
    assert SIMULATOR.seconds_per_step(env) == pytest.approx(0.02)


def test_a_model_with_other_parts_is_refused_with_what_to_do() -> None:
    env = SIMULATOR.make("Rebuilt-v0", {"more": '<body name="new"><geom size=".01"/></body>'})
    with pytest.raises(EnvironmentFault, match="another model than at first") as error:
        SIMULATOR.fields(env)
    assert "mj_setConst" in error.value.hint


def test_tendons_muscles_bodies_moved_by_hand_have_fields() -> None:
    env = SIMULATOR.make("Rebuilt-v0", {})
    table = SIMULATOR.fields(env)
    recorder = StateRecorder(env, table)
    recorder.reset(seed=0)
    env.unwrapped.data.mocap_pos[0] = (0.1, 0.2, 0.3)
    for _ in range(5):
        row = recorder.step(np.array([1, 0, 1], np.float32))[4]["next_state"]
    data, places = env.unwrapped.data, table.columns()
    expected = {
        "cord_length": data.ten_length[0],
        "muscle_path_velocity": data.ten_velocity[2], "biceps_activation": data.act[0],
        "target_position": (0.1, 0.2, 0.3),
        "box_1_position": data.qpos[5:8], "box_2_velocity": data.qvel[10:13],
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(row[places[name]], value, atol=2e-3, err_msg=name)
    assert "mix_length" not in table.names  # a sum of joints, which have fields
    assert data.act[0] > 0.1 and (table.get("biceps_activation").low, table.get("biceps_activation").high) == (0, 1)


def test_two_names_that_fold_into_one_are_told_apart_by_name_and_by_text() -> None:
    table = SIMULATOR.fields(SIMULATOR.make("Rebuilt-v0", {}))
    first, second = table.get("rig_arm_1_position"), table.get("rig_arm_1_2_position")
    assert "`rig/arm-1`" in first.doc and "`rig/arm_1`" in second.doc
    assert all(f"`{name}`" not in table.get("lamp_position").doc for name in ("lamp", "rig/arm-1"))
