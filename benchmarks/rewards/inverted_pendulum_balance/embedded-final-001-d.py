import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants pole_angle to be near 0: the pole should be upright.
        "upright": 1.0 * np.exp(-4.0 * next_state.pole_angle ** 2),
        # It also wants cart_velocity to be near 0: the cart should move slowly.
        "slow": 0.01 * np.exp(-4.0 * next_state.cart_velocity ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
