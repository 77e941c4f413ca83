import numpy as np
import math

ANGLE_SCALE = 0.2      # rad, lean at which the upright pay has fallen to 1/e
W_RAISED = 0.1         # small pay for a pole above the horizontal: a slope where upright is flat
W_CENTRED = 0.2        # extra pay for the cart in the middle while the pole stands
CENTRE_SCALE = 0.5     # m
W_CALM = 0.1           # largest cost of a swinging pole
SWING_SCALE = 2.0      # rad/s
W_EFFORT = 0.02        # cost of the mean square action, as a share of the range
ACTION_LIMIT = 3.0     # largest action


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    upright = math.exp(-(next_state.pole_angle / ANGLE_SCALE) ** 2)
    raised = max(math.cos(next_state.pole_angle), 0.0)
    centred = math.exp(-(next_state.cart_position / CENTRE_SCALE) ** 2)
    swing = math.tanh((next_state.pole_angular_velocity / SWING_SCALE) ** 2)

    return {
        "upright": float(upright),
        "raised": float(W_RAISED * raised),
        "centred": float(W_CENTRED * upright * centred),
        "calm": float(-W_CALM * swing),
        "effort": float(-W_EFFORT * np.mean(np.square(action / ACTION_LIMIT))),
    }
