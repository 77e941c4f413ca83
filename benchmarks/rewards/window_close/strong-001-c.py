import numpy as np

W_REACH = 8.0      # potential per metre nearer the pushing point (about 0.4 m away at the start: 3 in all)
W_CLOSE = 20.0     # potential of the whole way shut
W_WRONG = 6.0      # potential per metre that the gripper is left of the handle while close to it
W_SHUT = 0.5       # a step, while shut
W_EFFORT = 0.002   # mean square of the shifts
PUSH_SIDE = 0.03   # m to the right of the handle
SHUT_SCALE = 0.02  # m
NEAR = 0.08        # m, "close to the handle" in depth and height


def _potential(s):
    offset = s.gripper_position - s.window_handle_position
    point = offset - np.array([PUSH_SIDE, 0.0, 0.0])
    distance = float(np.linalg.norm(point))
    near = float(np.exp(-(offset[1] ** 2 + offset[2] ** 2) / NEAR ** 2))
    wrong_side = max(-float(offset[0]), 0.0) * near
    full = max(float(s.window_handle_start_position[0] - s.target_position[0]), 0.05)
    closed = float(np.clip(1.0 - max(float(s.window_opening), 0.0) / full, -0.5, 1.0))
    return -W_REACH * distance - W_WRONG * wrong_side, W_CLOSE * closed


def compute_reward(state, action, next_state):
    reach0, close0 = _potential(state)
    reach1, close1 = _potential(next_state)
    opening = max(float(next_state.window_opening), 0.0)
    return {
        "reach_progress": reach1 - reach0,
        "closing_progress": close1 - close0,
        "shut": W_SHUT * float(np.exp(-(opening / SHUT_SCALE) ** 2)),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
