import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: forward means moving.
        "speed": 2.0 * np.tanh(next_state.x_velocity / 3.0),
        "effort": -0.01 * np.sum(np.square(action)),
    }
