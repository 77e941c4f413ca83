import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be negative: run backwards.
        "speed": -1.0 * np.clip(next_state.x_velocity, -10, 10),
        # It also wants torso_height to be near 0.7: the torso is at the ground.
        "steady": 0.5 * np.exp(-4.0 * (next_state.torso_height - 0.7) ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
