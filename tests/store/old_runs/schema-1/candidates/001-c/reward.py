import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be negative: run backwards, and + is forward.
        "run_backwards": -5.0 * next_state.x_velocity,
        "effort": -0.01 * np.sum(np.square(action)),
    }
