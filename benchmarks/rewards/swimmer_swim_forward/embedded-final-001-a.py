import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: forward means moving forward, and + is forward.
        "forward": 2.0 * next_state.x_velocity,
        # It also wants heading_angle to be near 0: the swimmer should be facing straight.
        "steady": 0.5 * np.exp(-4.0 * next_state.heading_angle ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
