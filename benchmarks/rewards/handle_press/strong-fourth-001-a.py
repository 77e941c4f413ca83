import numpy as np
import math

W_REACH = 0.4        # hand at the top of the bar
W_HEIGHT = 1.0       # share of the way from the start height to the target, on both sides
W_ON_TARGET = 2.0    # precise height
W_SETTLE = 0.2       # against moving the handle when it is at the height
W_EFFORT = 0.01      # mean square of the action

REACH_TEMP = 0.10    # m
REACH_FREE = 0.025   # m, no further pull within this
HOVER_LOW = 0.02     # m above the bar's middle when lined up
HOVER_EXTRA = 0.04   # m more when off to the side
HOVER_WIDTH = 0.06   # m, sideways distance over which that comes in
PEAK_WIDTH = 0.012   # m, width of the precise peak (the band is 0.02)
SPEED_TEMP = 0.15    # m/s, of the handle
STEP_TIME = 0.0125   # s


def reach_distance(s):
    dx = float(s.gripper_position[0] - s.handle_position[0])
    dy = float(s.gripper_position[1] - s.handle_position[1])
    dz = float(s.gripper_position[2] - s.handle_position[2])
    side = math.sqrt(dx * dx + dy * dy)
    hover = HOVER_LOW + HOVER_EXTRA * math.tanh((side / HOVER_WIDTH) ** 2)
    return max(0.0, math.sqrt(side * side + (dz - hover) ** 2) - REACH_FREE)


def compute_reward(state, action, next_state) -> dict[str, float]:
    target_z = float(next_state.target_position[2])
    error = float(next_state.handle_position[2]) - target_z          # + = too high, - = too deep
    way = max(0.03, float(next_state.handle_start_position[2]) - target_z)

    reach = 1.0 - math.tanh(reach_distance(next_state) / REACH_TEMP)
    height = max(-1.0, 1.0 - abs(error) / way)
    peak = math.exp(-(error / PEAK_WIDTH) ** 2)
    speed = float(next_state.handle_position[2] - state.handle_position[2]) / STEP_TIME

    return {
        "reach": float(W_REACH * reach),
        "height": float(W_HEIGHT * height),
        "on_target": float(W_ON_TARGET * peak),
        "settle": float(-W_SETTLE * peak * math.tanh(abs(speed) / SPEED_TEMP)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
