import numpy as np

ANGLE_SCALE = 0.15   # rad, lean at which half of the pay is left
W_OFF_CENTRE = 0.1   # cost per m^2 away from the middle of the rail
W_EFFORT = 0.02      # cost of the mean square action, as a share of its range
ACTION_LIMIT = 3.0   # largest action


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    lean = next_state.pole_angle / ANGLE_SCALE
    return {
        "upright": float(1.0 / (1.0 + lean * lean)),
        "off_centre": float(-W_OFF_CENTRE * next_state.cart_position ** 2),
        "effort": float(-W_EFFORT * np.mean(np.square(action / ACTION_LIMIT))),
    }
