import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: swim forward means positive velocity.
        "speed": 2.0 * np.tanh(next_state.x_velocity / 1.5),
        "effort": -0.01 * np.sum(np.square(action)),
    }
