import numpy as np

W_REACH = 10.0      # potential per metre
W_OPEN = 30.0       # potential of the whole way
W_DONE = 0.6        # a step, wholly open
W_EFFORT = 0.002
HOVER = 0.06        # m above the handle while the fingers are not yet over it
OVER_SCALE = 0.05   # m sideways
DONE_SCALE = 0.03   # m


def _potential(s):
    d = s.gripper_position - s.drawer_handle_position
    side = float(np.sqrt(d[0] ** 2 + d[1] ** 2 + 1e-9))
    over = float(np.exp(-(side / OVER_SCALE) ** 2))
    height = float(d[2]) - HOVER * (1.0 - over)
    full = max(float(s.drawer_handle_start_position[1] - s.target_position[1]), 0.05)
    opened = float(np.clip(s.drawer_opening / full, -0.2, 1.0))
    return -W_REACH * (1.5 * side + abs(height)), W_OPEN * opened


def compute_reward(state, action, next_state):
    reach0, open0 = _potential(state)
    reach1, open1 = _potential(next_state)
    full = max(float(next_state.drawer_handle_start_position[1] - next_state.target_position[1]), 0.05)
    left = max(full - float(next_state.drawer_opening), 0.0)
    return {
        "reach_progress": reach1 - reach0,
        "opening_progress": open1 - open0,
        "done": W_DONE * float(np.exp(-(left / DONE_SCALE) ** 2)),
        "effort": -W_EFFORT * float(np.mean(np.square(action[:3]))),
    }
