# task: gym/ant_walk_forward
# goal: Make the ant walk forward, along +x, at 1 m/s or faster.
# environment: Ant-v5
import numpy as np

SPEED_WEIGHT = 2.0
FASTEST = 3.0  # m/s, beyond which leaping would pay more than walking
DRIFT_WEIGHT = 0.3
UPRIGHT_WEIGHT = 0.3
EFFORT_WEIGHT = 0.05


def compute_reward(state, action, next_state):
    """Speed along +x, little sideways, belly down."""
    forward = SPEED_WEIGHT * min(next_state.x_velocity, FASTEST)
    straight = -DRIFT_WEIGHT * np.tanh(abs(next_state.y_velocity))
    upright = UPRIGHT_WEIGHT * next_state.up_alignment  # -1 on its back, 1 on its feet
    effort = -EFFORT_WEIGHT * np.sum(np.square(action))
    return {"forward": forward, "straight": straight, "upright": upright, "effort": effort}
