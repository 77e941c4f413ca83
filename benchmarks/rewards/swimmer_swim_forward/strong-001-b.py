import numpy as np

W_SPEED = 10.0   # reward per m/s along +x (a good swimmer makes some 0.1 to 0.4 m/s)
W_EFFORT = 0.01  # cost of the mean square action


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    return {
        "swim_forward": float(W_SPEED * next_state.center_of_mass_velocity[0]),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
