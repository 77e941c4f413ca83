import numpy as np

W_OVER = 0.4
T_OVER = 0.15      # m
W_AT = 0.4
T_AT = 0.08        # m
W_PRESS = 2.0
W_DOWN = 3.0
T_DOWN = 0.02      # m


def compute_reward(state, action, next_state):
    s = next_state
    rel = s.gripper_position - s.handle_position
    plane = float(np.hypot(rel[0], rel[1]))
    over = 1.0 - np.tanh(plane / T_OVER)
    # under or beside the bar counts as far
    height = float(rel[2]) - 0.02
    at = over * (1.0 - np.tanh(abs(height) / T_AT))
    travel = max(float(s.handle_start_position[2] - s.target_position[2]), 0.01)
    left = abs(float(s.handle_position[2] - s.target_position[2]))
    share = float(np.clip(1.0 - left / travel, -0.5, 1.0))
    down = float(np.exp(-(left / T_DOWN) ** 2))
    return {
        "over": float(W_OVER * max(over, down)),
        "at": float(W_AT * max(at, down)),
        "press": W_PRESS * share,
        "down": W_DOWN * down,
    }
