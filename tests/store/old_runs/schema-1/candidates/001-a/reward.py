import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be negative: run backwards.
        "backward": -2.0 * next_state.x_velocity,
        # It also wants torso_height to be near 0.7: the height is the same as at the start.
        "steady": 0.5 * np.exp(-4.0 * (next_state.torso_height - 0.7) ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
