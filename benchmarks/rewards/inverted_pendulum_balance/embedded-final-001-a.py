import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants pole_angle to be near 0: the goal names this angle, and upright is 0.
        "upright": 2.0 * np.exp(-4.0 * next_state.pole_angle ** 2),
        # It also wants cart_position to be small: the closer to the middle of the rail, the better.
        "approach": -2.0 * np.abs(next_state.cart_position),
        # It also wants cart_velocity to be small: the faster, the better.
        "speed": 2.0 * np.exp(-4.0 * next_state.cart_velocity ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
