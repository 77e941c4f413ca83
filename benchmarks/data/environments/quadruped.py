"""gym-quadruped's robot: `--env ./quadruped.py:quadruped`."""

import gymnasium
from gym_quadruped.quadruped_env import QuadrupedEnv
from gymnasium.wrappers import TransformAction


def quadruped():
    """A small dog on flat ground, whose torques, in N·m, have no limits of their own."""
    robot = QuadrupedEnv(robot="mini_cheetah", scene="flat", state_obs_names=("qpos", "qvel"))
    return TransformAction(robot, lambda action: 20.0 * action, gymnasium.spaces.Box(-1.0, 1.0, (12,)))
