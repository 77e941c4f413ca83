import numpy as np


def compute_reward(state, action, next_state):
    return {
        # The goal wants x_velocity to be positive: running forward.
        "forward": 2.0 * np.tanh(next_state.x_velocity / 3.0),
        # It also wants torso_height to be positive: the body is above the ground.
        "stand": 0.5 * np.tanh(next_state.torso_height / 0.7),
        # It also wants z_velocity to be positive: the body is rising.
        "lift": 0.5 * np.tanh(next_state.z_velocity / 3.0),
        # It also wants torso_pitch to be near 0: the body is at the start, not tilted.
        "still": 0.5 * np.exp(-4.0 * next_state.torso_pitch ** 2),
        "effort": -0.01 * np.sum(np.square(action)),
    }
