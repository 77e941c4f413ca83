import numpy as np
import math

W_OVER = 0.3         # stage 1: hand over the bar
W_TOUCH = 0.4        # stage 2: hand on the bar's top
W_PRESSED = 0.8      # stage 3: share of the way to the target
W_AT_HEIGHT = 1.6    # stage 4: at the target's height
W_STILL = 0.6        # stage 5: and at rest there
W_EFFORT = 0.01      # mean square of the action

SIDE_TEMP = 0.10     # m, sideways distance
LINED_UP = 0.04      # m, width of "lined up" for stage 2
TOP = 0.02           # m, top of the bar over its middle, where the fingers rest
ABOVE_TEMP = 0.02    # m, softness of "over the bar"
BELOW_SHARE = 0.4    # share of stage 1 that stays when the hand is too low
TOUCH_TEMP = 0.05    # m, height of the hand over the bar's top
TOUCH_FREE = 0.015   # m, no pull within this
PEAK_WIDTH = 0.012   # m, the band that counts is 0.02
STILL_SPEED = 0.08   # m/s, of the handle
STEP_TIME = 0.0125   # s


def compute_reward(state, action, next_state) -> dict[str, float]:
    dx = float(next_state.gripper_position[0] - next_state.handle_position[0])
    dy = float(next_state.gripper_position[1] - next_state.handle_position[1])
    dz = float(next_state.gripper_position[2] - next_state.handle_position[2])
    side = math.sqrt(dx * dx + dy * dy)

    target_z = float(next_state.target_position[2])
    error = float(next_state.handle_position[2]) - target_z     # + = too high, - = too deep
    way = max(0.03, float(next_state.handle_start_position[2]) - target_z)
    speed = float(next_state.handle_position[2] - state.handle_position[2]) / STEP_TIME

    # 1: over the bar. 0.5 at half the bar's top, about 1 well above it.
    above = 0.5 * (1.0 + math.tanh((dz - 0.5 * TOP) / ABOVE_TEMP))
    over = (1.0 - math.tanh(side / SIDE_TEMP)) * (BELOW_SHARE + (1.0 - BELOW_SHARE) * above)

    # 2: down on it
    gap = max(0.0, abs(dz - TOP) - TOUCH_FREE)
    touch = math.exp(-(side / LINED_UP) ** 2) * (1.0 - math.tanh(gap / TOUCH_TEMP))

    # 3, 4, 5: the handle itself
    pressed = max(-1.0, 1.0 - abs(error) / way)
    peak = math.exp(-(error / PEAK_WIDTH) ** 2)
    still = math.exp(-(speed / STILL_SPEED) ** 2)

    return {
        "over_bar": float(W_OVER * over),
        "touch": float(W_TOUCH * touch),
        "pressed": float(W_PRESSED * pressed),
        "at_height": float(W_AT_HEIGHT * peak),
        "held_still": float(W_STILL * peak * still),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
