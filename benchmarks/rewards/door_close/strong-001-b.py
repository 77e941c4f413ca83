import numpy as np

W_DOOR = 2.0
W_HAND = 0.5
T_HAND = 0.3     # m
W_SHUT = 1.0
T_SHUT = 0.05    # m


def compute_reward(state, action, next_state):
    s = next_state
    left = float(np.linalg.norm(s.target_position - s.door_handle_position))
    start = float(np.linalg.norm(s.target_position - s.door_handle_start_position)) + 1e-6
    hand = float(np.linalg.norm(s.gripper_position - s.door_handle_position))
    return {
        "door": -W_DOOR * min(left / start, 2.0),
        "hand": float(-W_HAND * np.tanh(hand / T_HAND)),
        "shut": float(W_SHUT * np.exp(-(left / T_SHUT) ** 2)),
    }
