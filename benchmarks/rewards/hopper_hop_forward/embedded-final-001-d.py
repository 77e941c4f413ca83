import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: hop means rising, and + is rising.
        "forward": 1.0 * np.tanh(next_state.x_velocity / 1.0),
        "effort": -0.01 * np.sum(np.square(action)),
    }
