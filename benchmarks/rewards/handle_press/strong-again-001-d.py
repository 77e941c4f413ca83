import math

import numpy as np

W_OVER = 0.5  # stage 1: over the bar
W_TOUCH = 1.0  # stage 2: down on the bar
W_PRESS = 3.0  # stage 3: handle goes down
W_HOLD = 2.0  # stage 4: handle is at the target
W_SHUT = 0.1  # shut fingers, so that the bar does not slip between them
FLAT_FAR = 0.25  # m
FLAT_NEAR = 0.04  # m
HEIGHT = 0.06  # m, scale of the way down
HOLD_WIDTH = 0.015  # m
LOW = 0.02  # m below the bar's middle at which a hand beside it counts as too low


def compute_reward(state, action, next_state):
    offset = next_state.gripper_position - next_state.handle_position
    flat = math.sqrt(offset[0] ** 2 + offset[1] ** 2)

    near = math.exp(-((flat / FLAT_NEAR) ** 2))
    # beside the bar the hand should not be low, or it ends in front of or under it
    too_low = (1.0 - near) * math.tanh(max(LOW - offset[2], 0.0) / 0.05)
    over = 0.5 * (1.0 - math.tanh(flat / FLAT_FAR)) + 0.5 * math.exp(-flat / FLAT_NEAR) - 0.5 * too_low

    height_error = abs(offset[2])
    touch = (0.3 + 0.7 * near) * (1.0 - math.tanh(height_error / HEIGHT)) * math.exp(-flat / 0.10)

    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.02)
    error = abs(next_state.handle_position[2] - next_state.target_position[2])
    pressed = min(max(1.0 - error / travel, 0.0), 1.0)
    hold = math.exp(-((error / HOLD_WIDTH) ** 2))
    shut = min(max((1.0 - next_state.gripper_openness) / 0.74, 0.0), 1.0)

    return {
        "over_the_bar": float(W_OVER * over),
        "touch": float(W_TOUCH * touch),
        "press": float(W_PRESS * pressed),
        "hold_down": float(W_HOLD * hold),
        "shut_fingers": float(W_SHUT * shut),
    }
