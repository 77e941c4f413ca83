import numpy as np

W_DOOR = 30.0     # for the whole way
W_HAND = 6.0      # for the whole way of the hand
W_STAY = 0.1      # per step, shut
T_SHUT = 0.04     # m
BACK = 0.03       # m


def door_left(s):
    start = float(np.linalg.norm(s.target_position - s.door_handle_start_position)) + 1e-6
    return float(np.linalg.norm(s.target_position - s.door_handle_position)) / start


def hand_left(s):
    way = s.target_position - s.door_handle_position
    d = way / (float(np.linalg.norm(way)) + 0.02)
    point = s.door_handle_position - BACK * d
    start = float(np.linalg.norm(s.gripper_start_position - s.door_handle_start_position)) + 1e-6
    near = float(np.linalg.norm(s.gripper_position - point)) / start
    # matters less as the door comes shut
    return near * float(np.clip(door_left(s) / 0.3, 0.0, 1.0))


def compute_reward(state, action, next_state):
    left = float(np.linalg.norm(next_state.target_position - next_state.door_handle_position))
    return {
        "door_progress": W_DOOR * (door_left(state) - door_left(next_state)),
        "hand_progress": W_HAND * (hand_left(state) - hand_left(next_state)),
        "stay_shut": float(W_STAY * np.exp(-(left / T_SHUT) ** 2)),
    }
