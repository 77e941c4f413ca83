import numpy as np
import math

W_PRESS = 30.0       # whole press from the start height to the target
W_REACH = 8.0        # whole approach
W_HOLD = 0.15        # per step at the target's height
W_EFFORT = 0.005     # mean square of the action

LINEAR_SHARE = 0.6   # of the press potential; the rest is the narrow peak
PEAK_WIDTH = 0.012   # m, the band that counts is 0.02
REACH_TEMP = 0.15    # m
REACH_FREE = 0.02    # m, no pull within this
HOVER_LOW = 0.02     # m above the bar's middle when lined up
HOVER_EXTRA = 0.04   # m more when off to the side
HOVER_WIDTH = 0.06   # m


def height_error(s):
    return float(s.handle_position[2] - s.target_position[2])  # + = too high, - = too deep


def peak(error):
    return math.exp(-(error / PEAK_WIDTH) ** 2)


def press_potential(s):
    error = height_error(s)
    way = max(0.03, float(s.handle_start_position[2] - s.target_position[2]))
    return LINEAR_SHARE * (1.0 - abs(error) / way) + (1.0 - LINEAR_SHARE) * peak(error)


def reach_potential(s):
    dx = float(s.gripper_position[0] - s.handle_position[0])
    dy = float(s.gripper_position[1] - s.handle_position[1])
    dz = float(s.gripper_position[2] - s.handle_position[2])
    side = math.sqrt(dx * dx + dy * dy)
    hover = HOVER_LOW + HOVER_EXTRA * math.tanh((side / HOVER_WIDTH) ** 2)
    distance = max(0.0, math.sqrt(side * side + (dz - hover) ** 2) - REACH_FREE)
    return 1.0 - math.tanh(distance / REACH_TEMP)


def compute_reward(state, action, next_state) -> dict[str, float]:
    return {
        "press_progress": float(W_PRESS * (press_potential(next_state) - press_potential(state))),
        "reach_progress": float(W_REACH * (reach_potential(next_state) - reach_potential(state))),
        "hold": float(W_HOLD * peak(height_error(next_state))),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
