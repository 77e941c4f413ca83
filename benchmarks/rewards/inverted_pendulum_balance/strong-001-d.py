import numpy as np
import math

W_UP = 0.3             # stage 1: pole above the horizontal
W_BALANCED = 1.0       # stage 2: pole upright
ANGLE_SCALE = 0.15     # rad, lean at which stage 2 has fallen to 1/e
W_STILL = 1.5          # stage 3: upright, at rest, in the middle
RATE_SCALE = 1.5       # rad/s, swing at which stage 3 has fallen to 1/e
CENTRE_SCALE = 0.5     # m, offset at which stage 3 has fallen to 1/e
W_EFFORT = 0.02        # cost of the mean square action, as a share of its range
ACTION_LIMIT = 3.0     # largest action


def bump(x, scale):
    """1 at 0, 1/e at +-scale, 0 far away."""
    return math.exp(-(x / scale) ** 2)


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    # cos alone would also pay a pole that has turned by more than 3/4 of a turn; the joint ends before that
    up = max(math.cos(next_state.pole_angle), 0.0) ** 2
    balanced = bump(next_state.pole_angle, ANGLE_SCALE)
    still = bump(next_state.pole_angular_velocity, RATE_SCALE) * bump(next_state.cart_position, CENTRE_SCALE)

    return {
        "pole_up": float(W_UP * up),
        "pole_balanced": float(W_BALANCED * balanced),
        "balanced_still": float(W_STILL * balanced * still),
        "effort": float(-W_EFFORT * np.mean(np.square(action / ACTION_LIMIT))),
    }
