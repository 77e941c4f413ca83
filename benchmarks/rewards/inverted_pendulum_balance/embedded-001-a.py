import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants pole_angle to be near 0: the goal names this angle, and upright is 0.
        "upright": 2.0 * np.exp(-4.0 * next_state.pole_angle ** 2),
        # It also wants cart_position to be near 0: the goal names this position, and near 0 is the middle of the rail.
        "near_middle": 0.5 * np.exp(-4.0 * next_state.cart_position ** 2),
        # It also wants pole_angular_velocity to be near 0: the goal names this velocity, and near 0 is no rotation.
        "no_rotation": 0.5 * np.exp(-4.0 * next_state.pole_angular_velocity ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
