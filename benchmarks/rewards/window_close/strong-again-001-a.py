import math

import numpy as np

RIGHT = 0.03  # m, right of the handle: where to push from
LOWER = 0.01  # m, a little under the handle's middle
CORNER_RIGHT = 0.06  # m, corner to go round: right of the handle
CORNER_FRONT = 0.10  # m, and this much nearer to the robot
SIDE_SOFT = 0.012  # m, softness of the change from one way to the other
REACH_FAR = 0.35  # m
REACH_NEAR = 0.05  # m
HOLD_WIDTH = 0.03  # m
W_CLOSE = 3.0
W_HOLD = 1.5
W_SHUT = 0.1
W_EFFORT = 0.01


def _way_to_push_point(s):
    """Length of the way to the right side of the handle, round its front when the hand is at its left."""
    g = s.gripper_position
    push = s.window_handle_position + np.array([RIGHT, 0.0, -LOWER])
    corner = s.window_handle_position + np.array([CORNER_RIGHT, -CORNER_FRONT, -LOWER])
    direct = np.linalg.norm(g - push)
    around = np.linalg.norm(g - corner) + np.linalg.norm(corner - push)
    side = g[0] - s.window_handle_position[0]
    right = 0.5 * (1.0 + math.tanh((side - 0.015) / SIDE_SOFT))
    return float(right * direct + (1.0 - right) * around)


def compute_reward(state, action, next_state):
    d = _way_to_push_point(next_state)
    reach = 0.4 * (1.0 - math.tanh(d / REACH_FAR)) + 0.4 * math.exp(-d / REACH_NEAR)

    travel = max(abs(next_state.window_handle_start_position[0] - next_state.target_position[0]), 0.05)
    error = abs(next_state.window_handle_position[0] - next_state.target_position[0])
    closed = min(max(1.0 - error / travel, 0.0), 1.0)
    hold = math.exp(-((error / HOLD_WIDTH) ** 2))
    shut = min(max((1.0 - next_state.gripper_openness) / 0.74, 0.0), 1.0)
    return {
        "reach_right_side": float(reach),
        "close": float(W_CLOSE * closed),
        "hold_shut": float(W_HOLD * hold),
        "shut_fingers": float(W_SHUT * shut),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
