"""A ball that rolls on a beam: a small MuJoCo environment of one's own, in one file. See
docs/guide/own-environment.md."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np

MODEL = """
<mujoco model="ball on beam">
  <compiler angle="radian"/>
  <option timestep="0.005"/>
  <worldbody>
    <light pos="0 -1 2"/>
    <geom name="floor" type="plane" size="2 2 0.1" rgba="0.8 0.8 0.8 1" contype="0" conaffinity="0"/>
    <body name="beam" pos="0 0 0.5">
      <joint name="tilt" type="hinge" axis="0 -1 0" range="-0.4 0.4" limited="true" damping="0.5"/>
      <geom type="box" size="0.5 0.03 0.01" mass="0.5" rgba="0.3 0.4 0.7 1"/>
      <body name="ball" pos="0 0 0.04">
        <joint name="roll" type="slide" axis="1 0 0" damping="0.02"/>
        <geom type="sphere" size="0.03" mass="0.1" rgba="0.9 0.4 0.2 1" contype="0" conaffinity="0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="motor" joint="tilt" gear="2" ctrlrange="-1 1" ctrllimited="true"/>
  </actuator>
</mujoco>
"""


class BallOnBeam(gymnasium.Env[Any, Any]):
    """A motor tilts a beam of 1 m, on which a ball rolls; the episode ends where the ball leaves the beam."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.model = mujoco.MjModel.from_xml_string(MODEL)
        self.data = mujoco.MjData(self.model)
        self.frame_skip = 4
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._renderer: mujoco.Renderer | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The ball lies somewhere on the inner two thirds of a level beam."""
        super().reset(seed=seed)
        mujoco.mj_resetData(self.model, self.data)
        self.data.joint("roll").qpos[0] = self.np_random.uniform(-0.35, 0.35)
        mujoco.mj_forward(self.model, self.data)
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Drive the motor for 0.02 s. The reward is nobody's business here."""
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, self.frame_skip)
        fallen = bool(abs(self.data.joint("roll").qpos[0]) > 0.5)
        return self._observe(), 0.0, fallen, False, {}

    def render(self) -> Any:
        """A picture, shape (240, 320, 3)."""
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self.model, 240, 320)
        self._renderer.update_scene(self.data)
        return self._renderer.render()

    def close(self) -> None:
        """Free the graphics."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observe(self) -> Any:
        return np.concatenate([self.data.qpos, self.data.qvel])
