import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants heading_angle to be near 0: the swimmer should swim straight.
        "steadiness": 0.5 * np.exp(-4.0 * next_state.heading_angle ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
