import numpy as np

W_REACH = 0.5       # fingers around the handle
W_OPEN = 2.0        # share of the way that the drawer is open
W_DONE = 2.0        # (nearly) wholly open, each step
W_PULL = 40.0       # per metre of opening in this step (whole way 0.2 m = 8)
W_FINGERS = 0.1     # fingers open while near, so that they go around the handle
W_EFFORT = 0.005
REACH_SCALE = 0.2   # m
SIDE_WEIGHT = np.array([2.0, 2.0, 1.0])   # x and y errors count double: come down from above
DONE_SCALE = 0.03   # m


def _reach(s):
    d = (s.gripper_position - s.drawer_handle_position) * SIDE_WEIGHT
    return float(np.sqrt(np.sum(d * d) + 1e-9))


def compute_reward(state, action, next_state):
    full = max(float(next_state.drawer_handle_start_position[1] - next_state.target_position[1]), 0.05)
    opened = float(np.clip(next_state.drawer_opening / full, 0.0, 1.0))
    left = max(full - float(next_state.drawer_opening), 0.0)
    near = 1.0 - float(np.tanh(_reach(next_state) / REACH_SCALE))
    return {
        "reach": W_REACH * max(near, opened ** 4),
        "fingers_open": W_FINGERS * near * float(next_state.gripper_openness),
        "opened_share": W_OPEN * opened,
        "done": W_DONE * float(np.exp(-(left / DONE_SCALE) ** 2)),
        "pull": W_PULL * float(next_state.drawer_opening - state.drawer_opening),
        "effort": -W_EFFORT * float(np.mean(np.square(action[:3]))),
    }
