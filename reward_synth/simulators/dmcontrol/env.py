"""A task of the suite as a Gymnasium environment, with upstream's steps, starts and observation. Only time ends it."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco  # noqa: F401  (before dm_control: it chooses how to draw when it is imported)
import numpy as np

from reward_synth.simulators.compiled import models_kept
from reward_synth.simulators.importing import variable_set

with variable_set("MUJOCO_GL", "disable"):  # dm_control draws nothing here, and a locked worker could not load OpenGL.
    from dm_control import suite


class SuiteEnv(gymnasium.Env[Any, Any]):
    """One task of one domain. ``model`` and ``data`` are MuJoCo's own objects, and ``dt`` is the control time step."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012  (Gymnasium's name and kind)

    def __init__(self, domain: str, task: str, render_mode: str | None = None) -> None:
        limit, flat = {"time_limit": float("inf")}, {"flat_observation": True}
        with models_kept():
            self._suite = suite.load(domain, task, task_kwargs=limit, environment_kwargs=flat)
        self.model, self.data = self._suite.physics.model.ptr, self._suite.physics.data.ptr
        self.dt, self.domain = float(self._suite.control_timestep()), domain
        # Computing the reward takes up to half of a step's time, and only judges need it.
        self._get_reward, self._suite.task.get_reward = self._suite.task.get_reward, lambda physics: 0.0
        self.render_mode, self._renderer = render_mode, None
        seen, act = self._suite.observation_spec()["observations"], self._suite.action_spec()
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, seen.shape, np.float64)
        self.action_space = gymnasium.spaces.Box(act.minimum.astype(np.float32), act.maximum.astype(np.float32))
        self.reset(seed=0)  # After it, every field can be read before the first episode, whose start is random.
        self._np_random = self._suite.task.random.seed(None)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Draw a start as the suite does; it depends on the seed alone."""
        super().reset(seed=seed)
        if seed is not None:
            self._suite.task.random.seed(seed % 2**32)
        return self._suite.reset().observation["observations"], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One control step. The reward is always 0.0; the episode ends by its time limit alone."""
        return self._suite.step(action).observation["observations"], 0.0, False, False, {}

    def suite_reward(self) -> float:
        """The suite's reward of the present state, in [0, 1]; 0.0 at an episode's start, before any step."""
        return float(self._get_reward(self._suite.physics)) if self.data.time > 0.0 else 0.0

    def own_reward(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """The suite's reward of the last step. The suite ends no episode early, and tells no parts of it."""
        return self.suite_reward(), False, {}

    def render(self) -> Any:
        """The scene from the model's first camera, shape (480, 480, 3); None unless made with ``rgb_array``."""
        if self.render_mode and not self._renderer:
            from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer

            self._renderer = MujocoRenderer(self.model, self.data, camera_id=0)
        return self._renderer.render(self.render_mode) if self._renderer else None
