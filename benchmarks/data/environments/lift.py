"""robosuite's Lift as a Gymnasium environment: `--env ./lift.py:Lift`."""

import gymnasium
import robosuite
from robosuite.wrappers import GymWrapper


class Lift(gymnasium.Env):
    """Lift a cube with a Panda arm."""

    dt = 0.05

    def __init__(self):
        quiet = dict(use_camera_obs=False, has_renderer=False, has_offscreen_renderer=False)
        self.inner = GymWrapper(robosuite.make("Lift", robots="Panda", seed=0, **quiet))
        self.observation_space, self.action_space = self.inner.observation_space, self.inner.action_space

    def reset(self, *, seed=None, options=None):
        """Where the arm waits above the table."""
        super().reset(seed=seed)
        return self.inner.reset(seed=seed)

    def step(self, action):
        """One period of the controller."""
        return self.inner.step(action)
