import numpy as np

W_NEAR = 0.5
T_NEAR = 0.25     # m
W_TOUCH = 0.5
T_TOUCH = 0.05    # m
BACK = 0.03       # m
W_ANGLE = 2.0
W_SHUT = 3.0
T_SHUT = 0.04     # m


def compute_reward(state, action, next_state, memory):
    s = next_state
    angle0 = memory.get("angle0", None)
    if angle0 is None:
        angle0 = max(0.1, float(state.door_angle))
        memory["angle0"] = angle0
    way = s.target_position - s.door_handle_position
    left = float(np.linalg.norm(way))
    d = way / (left + 0.02)
    gap = float(np.linalg.norm(s.gripper_position - (s.door_handle_position - BACK * d)))
    shut = float(np.exp(-(left / T_SHUT) ** 2))
    near = 1.0 - np.tanh(gap / T_NEAR)
    touch = float(np.exp(-(gap / T_TOUCH) ** 2))
    angle = float(np.clip(1.0 - abs(s.door_angle) / angle0, -1.0, 1.0))
    return {
        "near": float(W_NEAR * max(near, shut)),
        "touch": W_TOUCH * max(touch, shut),
        "closing": W_ANGLE * angle,
        "shut": W_SHUT * shut,
    }
