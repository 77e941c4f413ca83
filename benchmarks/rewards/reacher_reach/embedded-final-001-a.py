import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants fingertip_to_target_distance to be small: the goal names this distance, and reaching is small.
        "near": 1.0 * np.exp(-4.0 * next_state.fingertip_to_target_distance ** 2),
        # It also wants fingertip_to_target to be small: being right above the target pays extra.
        "arrived": 1.0 * np.exp(-20.0 * np.linalg.norm(next_state.fingertip_to_target)),
        "effort": -0.01 * np.sum(np.square(action)),
    }
