import numpy as np

W_REACH = 0.5
T_REACH = 0.2     # m
BACK = 0.03       # m behind the handle, seen from the target
W_CLOSE = 2.0     # share of the way
W_SHUT = 3.0
T_SHUT = 0.04     # m
W_ACTION = 0.01


def compute_reward(state, action, next_state):
    s = next_state
    way = s.target_position - s.door_handle_position
    left = float(np.linalg.norm(way))
    start = float(np.linalg.norm(s.target_position - s.door_handle_start_position)) + 1e-6
    # pushing direction: tangent of the way that is left, faded out when shut
    d = way / (left + 0.02)
    point = s.door_handle_position - BACK * d
    reach = 1.0 - np.tanh(float(np.linalg.norm(s.gripper_position - point)) / T_REACH)
    share = float(np.clip(1.0 - left / start, -1.0, 1.0))
    shut = float(np.exp(-(left / T_SHUT) ** 2))
    return {
        "reach": float(W_REACH * max(reach, shut)),
        "close": W_CLOSE * share,
        "shut": W_SHUT * shut,
        "effort": float(-W_ACTION * np.mean(np.square(action))),
    }
