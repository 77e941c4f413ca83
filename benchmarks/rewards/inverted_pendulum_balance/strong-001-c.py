import numpy as np
import math

BALANCED_ANGLE = 0.2   # rad, lean at which a step counts 1/e as balanced
W_RECOVERY = 4.0       # potential of a pole that stands and will stand
LOOK_AHEAD = 0.15      # s, how far ahead the lean is predicted
LEAN_SCALE = 0.4       # rad, width of that potential
W_CENTRE = 0.6         # potential of the cart's place, per m^2
W_OFF_CENTRE = 0.1     # cost per step of being far from the middle
CENTRE_SCALE = 0.7     # m
W_EFFORT = 0.01        # cost of the mean square action, as a share of its range
ACTION_LIMIT = 3.0     # largest action


def standing(s):
    """1 = upright and at rest, 0 = fallen or about to fall."""
    lean = s.pole_angle + LOOK_AHEAD * s.pole_angular_velocity
    return math.exp(-(lean / LEAN_SCALE) ** 2)


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    balanced_steps = math.exp(-(next_state.pole_angle / BALANCED_ANGLE) ** 2)   # growth of the balanced time

    return {
        "time_balanced": float(balanced_steps),
        "recovery": float(W_RECOVERY * (standing(next_state) - standing(state))),
        "keep_centre": float(W_CENTRE * (state.cart_position ** 2 - next_state.cart_position ** 2)),
        "off_centre": float(-W_OFF_CENTRE * math.tanh((next_state.cart_position / CENTRE_SCALE) ** 2)),
        "effort": float(-W_EFFORT * np.mean(np.square(action / ACTION_LIMIT))),
    }
