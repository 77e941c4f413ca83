import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants fingertip_to_target_distance to be near 0: it should reach.
        "near_target": 5.0 * np.exp(-4.0 * next_state.fingertip_to_target_distance ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
