import numpy as np

W_HANDLE = 40.0
W_HAND = 8.0
W_HOLD = 0.15
T_DOWN = 0.02     # m
HIGH = 0.06       # m over the bar while beside it


def handle_left(s):
    travel = max(float(s.handle_start_position[2] - s.target_position[2]), 0.01)
    return abs(float(s.handle_position[2] - s.target_position[2])) / travel


def hand_left(s):
    rel = s.gripper_position - s.handle_position
    plane = float(np.hypot(rel[0], rel[1]))
    beside = float(np.clip((plane - 0.02) / 0.06, 0.0, 1.0))
    z = abs(float(rel[2]) - HIGH * beside)
    start = float(np.linalg.norm(s.gripper_start_position - s.handle_start_position)) + 1e-6
    return (plane + z) / start


def compute_reward(state, action, next_state):
    left = abs(float(next_state.handle_position[2] - next_state.target_position[2]))
    return {
        "handle_progress": W_HANDLE * (handle_left(state) - handle_left(next_state)),
        "hand_progress": float(W_HAND * (hand_left(state) - hand_left(next_state))),
        "hold_down": float(W_HOLD * np.exp(-(left / T_DOWN) ** 2)),
    }
