import numpy as np

SIDE_SCALE = 0.03     # m, softness of "on the robot's side"
AT_SCALE = 0.15       # m, distance to the push point
GAP = 0.03            # m, push point before the handle
W_SIDE = 0.5
W_AT = 1.5
W_PUSH = 6.0
W_CLOSED = 4.0
CLOSED_FROM = 0.8     # share of the way from which the last stage pays
W_EFFORT = 0.005


def compute_reward(state, action, next_state) -> dict[str, float]:
    e = next_state.gripper_position - next_state.drawer_handle_position
    side = 0.5 * (1.0 - np.tanh((float(e[1]) + 0.01) / SIDE_SCALE))     # 1 on the robot's side
    gap = e - np.array([0.0, -GAP, 0.0])
    dist = float(np.linalg.norm(gap))
    near = 1.0 - np.tanh(dist / AT_SCALE)
    at = near * (0.4 + 0.6 * side)      # still a slope from the wrong side

    start = abs(float(next_state.target_position[1] - next_state.drawer_handle_start_position[1])) + 1e-3
    share = float(np.clip(1.0 - next_state.drawer_opening / start, -0.5, 1.0))
    closed = float(np.clip((share - CLOSED_FROM) / (1.0 - CLOSED_FROM), 0.0, 1.0))
    return {
        "right_side": float(W_SIDE * side),
        "at_handle": float(W_AT * at),
        "push": W_PUSH * share,
        "closed": W_CLOSED * closed,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
