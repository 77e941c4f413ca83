import numpy as np

AHEAD = np.array([0.0, -0.03, 0.0])   # m, push point: just on the robot's side of the handle
REACH_SCALE = 0.2      # m
W_REACH = 1.0
W_SHUT = 5.0
W_CLOSED = 3.0
CLOSED_SCALE = 0.02    # m of opening
W_EFFORT = 0.005


def compute_reward(state, action, next_state) -> dict[str, float]:
    point = next_state.drawer_handle_position + AHEAD
    dist = float(np.linalg.norm(next_state.gripper_position - point))
    start = abs(float(next_state.target_position[1] - next_state.drawer_handle_start_position[1])) + 1e-3
    opening = float(next_state.drawer_opening)
    shut = float(np.clip(1.0 - opening / start, -0.5, 1.0))
    closed = np.exp(-(max(opening, 0.0) / CLOSED_SCALE) ** 2)
    return {
        "reach": float(W_REACH * (1.0 - np.tanh(dist / REACH_SCALE))),
        "shut": W_SHUT * shut,
        "closed": float(W_CLOSED * closed),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
