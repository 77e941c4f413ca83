import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants torso_pitch to be near 0: the torso should be upright.
        "still": 0.5 * np.exp(-4.0 * next_state.torso_pitch ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
