"""A small robot of our own: every kind of joint, a free object, sensors, sites, servos, odd names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.mujoco import MujocoEnv

CRANE = """
<mujoco model="crane">
  <option timestep="0.005" integrator="Euler"/>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 0.1"/>
    <body name="Tower-Base" pos="0 0 1">
      <joint name="lift" type="slide" axis="0 0 1" range="0 0.5" limited="true" damping="5"/>
      <geom type="box" size="0.1 0.1 0.1" mass="2"/>
      <body name="boom" pos="0 0 0.2">
        <joint name="2nd turn" type="hinge" axis="0 0 1" damping="1"/>
        <geom name="boom" type="capsule" fromto="0 0 0 0.5 0 0" size="0.03" mass="1"/>
        <body pos="0.5 0 0">
          <joint name="wrist" type="ball" damping="0.1"/>
          <geom name="finger.left" type="sphere" pos="0.1 0.05 0" size="0.03" mass="0.1"/>
          <geom name="finger.right" type="sphere" pos="0.1 -0.05 0" size="0.03" mass="0.1"/>
          <site name="hook" pos="0.15 0 0"/>
        </body>
      </body>
    </body>
    <body name="crate" pos="1 0 0.3">
      <freejoint/>
      <geom name="crate" type="box" size="0.1 0.1 0.1" mass="3"/>
    </body>
    <body name="goal" pos="1 1 0.1"><geom type="sphere" size="0.05" contype="0" conaffinity="0"/></body>
  </worldbody>
  <actuator>
    <motor name="hoist" joint="lift" gear="-40" ctrlrange="-1 1" ctrllimited="true"/>
    <position name="action" joint="2nd turn" kp="20" ctrlrange="-2 2" ctrllimited="true"/>
  </actuator>
  <sensor>
    <accelerometer name="hook acceleration" site="hook"/>
    <jointpos name="lift" joint="lift"/>
    <framepos name="hook_position" objtype="site" objname="hook"/>
  </sensor>
</mujoco>
"""


class CraneEnv(MujocoEnv):
    metadata = {"render_modes": ["human", "rgb_array", "depth_array", "rgbd_tuple"], "render_fps": 50}  # noqa: RUF012

    def __init__(self, model: str, end_below: float = -1.0, **arguments: Any) -> None:
        space = gymnasium.spaces.Box(-np.inf, np.inf, (2,))
        super().__init__(model, 4, space, **arguments)
        self.end_below = end_below

    def step(self, action: Any) -> Any:
        self.do_simulation(action, self.frame_skip)
        height = self.data.qpos[0]
        info = {"reward_lift": 5.0, "x_velocity": 1.0}
        return self.data.qpos[:2].copy(), 5.0, bool(height < self.end_below), False, info

    def reset_model(self) -> Any:
        self.set_state(self.init_qpos, self.init_qvel)
        return self.data.qpos[:2].copy()

    def _get_reset_info(self) -> dict[str, float]:
        return {"reward_lift": 0.0}


gymnasium.register("Crane-v3", entry_point=CraneEnv, max_episode_steps=50)


@pytest.fixture
def crane_file(tmp_path: Path) -> str:
    path = tmp_path / "crane.xml"
    path.write_text(CRANE)
    return str(path)
