import numpy as np

AHEAD = np.array([0.0, -0.04, 0.0])   # m, on the robot's side of the handle
W_REACH = 20.0     # per metre nearer to the push point
W_SHUT = 100.0     # per metre of opening closed
W_KEPT = 1.0       # per step, shut
W_EFFORT = 0.005


def distance(s):
    return float(np.linalg.norm(s.gripper_position - s.drawer_handle_position - AHEAD))


def opening(s):
    return max(float(s.drawer_opening), 0.0)


def compute_reward(state, action, next_state) -> dict[str, float]:
    start = abs(float(next_state.target_position[1] - next_state.drawer_handle_start_position[1])) + 1e-3
    shut = float(np.clip(1.0 - opening(next_state) / start, 0.0, 1.0))
    return {
        "reach_progress": W_REACH * (distance(state) - distance(next_state)),
        "shut_progress": W_SHUT * (opening(state) - opening(next_state)),
        "kept_shut": W_KEPT * shut ** 2,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
