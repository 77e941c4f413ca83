import numpy as np

W_HANDLE = 2.0
W_HAND = 0.5
T_HAND = 0.2    # m
ABOVE = 0.02    # m
W_DOWN = 1.0
T_DOWN = 0.02   # m


def compute_reward(state, action, next_state):
    s = next_state
    travel = max(float(s.handle_start_position[2] - s.target_position[2]), 0.01)
    left = abs(float(s.handle_position[2] - s.target_position[2]))
    top = np.array([s.handle_position[0], s.handle_position[1], s.handle_position[2] + ABOVE])
    hand = float(np.linalg.norm(s.gripper_position - top))
    return {
        "handle_down": -W_HANDLE * min(left / travel, 2.0),
        "hand_at_handle": float(-W_HAND * np.tanh(hand / T_HAND)),
        "pressed": float(W_DOWN * np.exp(-(left / T_DOWN) ** 2)),
    }
