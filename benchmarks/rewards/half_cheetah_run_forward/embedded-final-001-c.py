import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: forward means running forward, and + is moving forward.
        "forward": 5.0 * next_state.x_velocity,
        "effort": -0.01 * np.sum(np.square(action)),
    }
