import math

import numpy as np

RIGHT = 0.03  # m, right of the handle: where to push from
REACH_SCALE = 0.30  # m, error that costs 1
WRONG_SIDE = 1.0  # how much more an error in x to the left of the push point counts
CLOSE_WEIGHT = 2.0  # cost per step of a window as open as at the start


def compute_reward(state, action, next_state):
    offset = next_state.gripper_position - next_state.window_handle_position
    x_error = offset[0] - RIGHT
    if x_error < 0.0:
        x_error = x_error * (1.0 + WRONG_SIDE)
    distance = math.sqrt(x_error ** 2 + offset[1] ** 2 + offset[2] ** 2)

    travel = max(abs(next_state.window_handle_start_position[0] - next_state.target_position[0]), 0.05)
    left = abs(next_state.window_handle_position[0] - next_state.target_position[0]) / travel
    left = min(left, 1.5)
    # the square root keeps the slope steep to the very end
    return {
        "reach_right_side": float(-distance / REACH_SCALE),
        "close": float(-CLOSE_WEIGHT * (0.5 * left + 0.5 * math.sqrt(left + 1e-6))),
    }
