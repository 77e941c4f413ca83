import numpy as np

W_OPENING = 20.0   # per metre of opening
W_REACH = 2.0      # per metre of distance
W_EFFORT = 0.005


def compute_reward(state, action, next_state) -> dict[str, float]:
    dist = float(np.linalg.norm(next_state.gripper_position - next_state.drawer_handle_position))
    return {
        "shut": -W_OPENING * max(float(next_state.drawer_opening), 0.0),
        "reach": -W_REACH * dist,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
