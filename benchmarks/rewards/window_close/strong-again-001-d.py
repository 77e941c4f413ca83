import math

import numpy as np

W_SIDE = 0.5  # stage 1: right of the handle
W_TOUCH = 1.0  # stage 2: at the handle from the right
W_CLOSE = 3.0  # stage 3: window goes left
W_HOLD = 2.0  # stage 4: window is shut
W_FINGERS = 0.1  # shut fingers push as one
RIGHT = 0.03  # m, right of the handle: where to push from
SIDE_WIDTH = 0.15  # m, slope from far at the left
TOUCH_FAR = 0.30  # m
TOUCH_NEAR = 0.04  # m
GATE = 0.03  # m, softness of "is at the right side"
HOLD_WIDTH = 0.03  # m


def compute_reward(state, action, next_state):
    offset = next_state.gripper_position - next_state.window_handle_position

    missing = max(RIGHT - offset[0], 0.0)  # how far the hand is still left of the push point
    side = 1.0 - math.tanh(missing / SIDE_WIDTH)
    on_right = math.exp(-((missing / GATE) ** 2))

    d = math.sqrt((offset[0] - RIGHT) ** 2 + offset[1] ** 2 + offset[2] ** 2)
    # a little for coming near from anywhere, most of it only at the right side
    touch = (0.2 + 0.8 * on_right) * (0.5 * (1.0 - math.tanh(d / TOUCH_FAR)) + 0.5 * math.exp(-d / TOUCH_NEAR))

    travel = max(abs(next_state.window_handle_start_position[0] - next_state.target_position[0]), 0.05)
    error = abs(next_state.window_handle_position[0] - next_state.target_position[0])
    closed = min(max(1.0 - error / travel, 0.0), 1.0)
    hold = math.exp(-((error / HOLD_WIDTH) ** 2))
    fingers = min(max((1.0 - next_state.gripper_openness) / 0.74, 0.0), 1.0)

    return {
        "right_side": float(W_SIDE * side),
        "touch": float(W_TOUCH * touch),
        "close": float(W_CLOSE * closed),
        "hold_shut": float(W_HOLD * hold),
        "shut_fingers": float(W_FINGERS * fingers),
    }
