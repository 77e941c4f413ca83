import numpy as np

W_REACH = 1.5       # per metre (x, y weigh 1.5 times)
W_OPEN = 15.0       # per metre of opening, a step
W_DONE = 1.0        # wholly open, a step
DONE_SCALE = 0.03   # m


def compute_reward(state, action, next_state):
    d = (next_state.gripper_position - next_state.drawer_handle_position) * np.array([1.5, 1.5, 1.0])
    full = max(float(next_state.drawer_handle_start_position[1] - next_state.target_position[1]), 0.05)
    opening = float(np.clip(next_state.drawer_opening, -0.02, full))
    return {
        "reach": -W_REACH * float(np.linalg.norm(d)),
        "opening": W_OPEN * opening,
        "done": W_DONE * float(np.exp(-((full - opening) / DONE_SCALE) ** 2)),
    }
