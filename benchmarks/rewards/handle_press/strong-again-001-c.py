import math

import numpy as np

W_PRESS_PROGRESS = 60.0  # paid in all for the whole travel of the handle
W_REACH_PROGRESS = 20.0  # paid per metre of path to the bar, and for the last centimetres
W_DOWN = 1.0  # per step with the handle at the target
DOWN_WIDTH = 0.02  # m
CLEARANCE = 0.06  # m above the bar, height to pass at when not over it
OVER = 0.03  # m, horizontal error that counts as over the bar
W_EFFORT = 0.01


def _error(s):
    return abs(s.handle_position[2] - s.target_position[2])


def _press_potential(s):
    travel = max(s.handle_start_position[2] - s.target_position[2], 0.02)
    return -_error(s) / travel


def _reach_potential(s):
    offset = s.gripper_position - s.handle_position
    flat = math.sqrt(offset[0] ** 2 + offset[1] ** 2)
    away = 1.0 - math.exp(-((flat / OVER) ** 2))  # 0 over the bar, 1 away from it
    too_low = max(CLEARANCE * away - offset[2], 0.0)  # below the passing height
    too_high = max(offset[2] - CLEARANCE * away, 0.0)
    d = math.sqrt(flat ** 2 + (2.0 * too_low) ** 2 + too_high ** 2)
    return -d + 0.1 * math.exp(-d / 0.03)


def compute_reward(state, action, next_state):
    press = _press_potential(next_state) - _press_potential(state)
    reach = _reach_potential(next_state) - _reach_potential(state)
    error = _error(next_state)
    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.02)
    down = 0.5 * math.exp(-((error / DOWN_WIDTH) ** 2)) + 0.5 * min(max(1.0 - error / travel, 0.0), 1.0)
    return {
        "press_progress": float(W_PRESS_PROGRESS * press),
        "reach_progress": float(W_REACH_PROGRESS * reach),
        "stay_down": float(W_DOWN * down),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
