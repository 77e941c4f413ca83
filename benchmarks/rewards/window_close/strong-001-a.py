import numpy as np

W_REACH = 0.3        # being at the pushing side of the handle
W_CLOSE = 1.0        # share of the way that the window is closed
W_SHUT = 1.5         # (nearly) shut, each step
W_PUSH = 30.0        # per metre of closing in this step (whole way 0.2 m = 6)
W_EFFORT = 0.005     # small cost of hand shifts
PUSH_SIDE = 0.03     # m, the gripper goes this far to the right of the handle
REACH_SCALE = 0.15   # m
SHUT_SCALE = 0.02    # m


def _reach_distance(s):
    point = s.window_handle_position + np.array([PUSH_SIDE, 0.0, 0.0])
    d = s.gripper_position - point
    return float(np.sqrt(np.sum(d * d) + 1e-9))


def compute_reward(state, action, next_state):
    full = max(float(next_state.window_handle_start_position[0] - next_state.target_position[0]), 0.05)
    closed = float(np.clip(1.0 - max(next_state.window_opening, 0.0) / full, 0.0, 1.0))
    d = _reach_distance(next_state)
    near = 1.0 - float(np.tanh(d / REACH_SCALE))
    return {
        # stays paid once shut, so that leaving the handle after success costs nothing much
        "reach": W_REACH * max(near, closed ** 4),
        "closed_share": W_CLOSE * closed,
        "shut": W_SHUT * float(np.exp(-(max(next_state.window_opening, 0.0) / SHUT_SCALE) ** 2)),
        "closing": W_PUSH * float(state.window_opening - next_state.window_opening),
        "effort": -W_EFFORT * float(np.mean(np.square(action[:3]))),
    }
