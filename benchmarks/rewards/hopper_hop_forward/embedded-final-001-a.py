import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: hop forward.
        "forward": 2.0 * next_state.x_velocity,
        # It also wants torso_height to be near 1.25: the torso is at the start.
        "steady": 0.5 * np.exp(-4.0 * (next_state.torso_height - 1.25) ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
