import math

import numpy as np

W_CLOSE_PROGRESS = 60.0  # paid in all for the whole way
W_REACH_PROGRESS = 20.0  # paid per metre of way to the push point
W_SHUT = 1.0  # per step with the window shut
SHUT_WIDTH = 0.03  # m
RIGHT = 0.03  # m, right of the handle: where to push from
CLEARANCE = 0.12  # m above the handle, height to pass over it at
SIDE_SOFT = 0.02  # m
W_EFFORT = 0.01


def _error(s):
    return abs(s.window_handle_position[0] - s.target_position[0])


def _travel(s):
    return max(abs(s.window_handle_start_position[0] - s.target_position[0]), 0.05)


def _reach_potential(s):
    offset = s.gripper_position - s.window_handle_position
    # 1 = at the left of the push point: pass over the handle; 0 = at its right: come down
    wrong_side = 0.5 * (1.0 - math.tanh((offset[0] - 0.015) / SIDE_SOFT))
    low = max(CLEARANCE - offset[2], 0.0)
    direct = math.sqrt((offset[0] - RIGHT) ** 2 + offset[1] ** 2 + offset[2] ** 2)
    over = math.sqrt((offset[0] - RIGHT) ** 2 + offset[1] ** 2 + low ** 2) + CLEARANCE
    d = wrong_side * max(over, direct) + (1.0 - wrong_side) * direct
    return -d + 0.1 * math.exp(-d / 0.03)


def compute_reward(state, action, next_state):
    close = (_error(state) - _error(next_state)) / _travel(next_state)
    reach = _reach_potential(next_state) - _reach_potential(state)
    error = _error(next_state)
    shut = 0.5 * math.exp(-((error / SHUT_WIDTH) ** 2)) + 0.5 * min(max(1.0 - error / _travel(next_state), 0.0), 1.0)
    return {
        "close_progress": float(W_CLOSE_PROGRESS * close),
        "reach_progress": float(W_REACH_PROGRESS * reach),
        "stay_shut": float(W_SHUT * shut),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
