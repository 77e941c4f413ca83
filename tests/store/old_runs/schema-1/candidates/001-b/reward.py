import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be negative: the cheetah is running backwards.
        "reversing": -2.0 * next_state.x_velocity,
        # It also wants torso_pitch to be near 0: the cheetah is standing upright.
        "upright": 0.5 * np.exp(-4.0 * next_state.torso_pitch**2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
