import math

import numpy as np

REACH_SCALE = 0.30  # m, gripper error that costs 1
PRESS_WEIGHT = 2.0  # cost per step of a handle that is fully up
LIFT = 0.5  # how high above the bar to come, per metre of horizontal error
MAX_LIFT = 0.08  # m, the most of it
BELOW_WEIGHT = 3.0  # height errors below the wanted height count more: a hand under the bar cannot press


def compute_reward(state, action, next_state):
    offset = next_state.gripper_position - next_state.handle_position
    flat = math.sqrt(offset[0] ** 2 + offset[1] ** 2)
    height = offset[2] - MAX_LIFT * math.tanh(LIFT * flat / MAX_LIFT)
    height = height if height > 0.0 else -BELOW_WEIGHT * height
    distance = math.sqrt(flat ** 2 + min(height, 1.0) ** 2)

    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.02)
    left = abs(next_state.handle_position[2] - next_state.target_position[2]) / travel
    left = min(left, 1.5)
    # the square root keeps the slope steep to the very end, so that almost pressed is not enough
    return {
        "reach_from_above": float(-distance / REACH_SCALE),
        "press": float(-PRESS_WEIGHT * (0.5 * left + 0.5 * math.sqrt(left + 1e-6))),
    }
