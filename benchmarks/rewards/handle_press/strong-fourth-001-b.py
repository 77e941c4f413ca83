import numpy as np
import math

W_WIDE = 1.0        # slope over the whole travel
W_NARROW = 1.5      # precision at the target
WIDE_TEMP = 0.05    # m
NARROW_WIDTH = 0.012  # m, the band that counts is 0.02
W_REACH = 0.6       # hand to the top of the bar
REACH_TEMP = 0.15   # m
ABOVE_BAR = 0.025   # m, hand's point over the bar's middle
W_EFFORT = 0.01     # mean square of the action


def compute_reward(state, action, next_state) -> dict[str, float]:
    error = float(next_state.handle_position[2] - next_state.target_position[2])  # + = too high
    goal_point = next_state.handle_position + np.array([0.0, 0.0, ABOVE_BAR])
    distance = float(np.linalg.norm(next_state.gripper_position - goal_point))

    wide = 1.0 - math.tanh(abs(error) / WIDE_TEMP)
    narrow = math.exp(-(error / NARROW_WIDTH) ** 2)
    return {
        "handle_height": float(W_WIDE * wide + W_NARROW * narrow),
        "hand_to_bar": float(-W_REACH * math.tanh(distance / REACH_TEMP)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
