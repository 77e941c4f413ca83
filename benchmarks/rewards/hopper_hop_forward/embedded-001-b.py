import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants torso_height to be near 1.25: the torso starts at this height.
        "height": 0.5 * np.exp(-4.0 * (next_state.torso_height - 1.25) ** 2),
        # It also wants z_velocity to be near 0: the torso stands at rest.
        "upright": -1.0 * next_state.z_velocity ** 2,
        "effort": -0.01 * np.sum(np.square(action)),
    }
