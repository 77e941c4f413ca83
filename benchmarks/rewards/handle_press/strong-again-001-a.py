import math

import numpy as np

HOVER = 0.08  # m above the bar: height of the point to come through
FUNNEL = 0.04  # m, horizontal error at which the gripper should still be high
REACH_FAR = 0.30  # m, scale of the far slope
REACH_NEAR = 0.05  # m, scale of the near slope
HOLD_WIDTH = 0.02  # m, width of the bonus at the pressed position
W_PRESS = 3.0
W_HOLD = 1.5
W_GRIP = 0.1
W_EFFORT = 0.01


def _reach_distance(s):
    offset = s.gripper_position - s.handle_position
    flat = math.sqrt(offset[0] ** 2 + offset[1] ** 2)
    wanted_height = HOVER * math.tanh((flat / FUNNEL) ** 2)  # 0 right over the bar, HOVER away from it
    return math.sqrt(flat ** 2 + (offset[2] - wanted_height) ** 2)


def compute_reward(state, action, next_state):
    d = _reach_distance(next_state)
    reach = 0.4 * (1.0 - math.tanh(d / REACH_FAR)) + 0.4 * math.exp(-d / REACH_NEAR)

    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.02)
    error = abs(next_state.handle_position[2] - next_state.target_position[2])
    pressed = min(max(1.0 - error / travel, 0.0), 1.0)
    hold = math.exp(-((error / HOLD_WIDTH) ** 2))

    shut = min(max((1.0 - next_state.gripper_openness) / 0.74, 0.0), 1.0)
    return {
        "reach_from_above": float(reach),
        "press": float(W_PRESS * pressed),
        "hold_down": float(W_HOLD * hold),
        "shut_fingers": float(W_GRIP * shut),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
