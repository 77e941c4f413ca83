import numpy as np

W_REACH = 0.6
T_REACH = 0.3       # m
ABOVE = 0.02        # m over the bar's middle
W_PRESS = 2.0
W_DOWN = 3.0
T_DOWN = 0.02       # m
W_ACTION = 0.01


def compute_reward(state, action, next_state):
    s = next_state
    rel = s.gripper_position - s.handle_position
    plane = float(np.hypot(rel[0], rel[1]))
    # beside the bar aim higher, so that the gripper comes from above
    over = float(np.exp(-(plane / 0.04) ** 2))
    z_want = ABOVE * over + 0.08 * (1.0 - over)
    gap = float(np.hypot(plane, rel[2] - z_want))
    travel = float(s.handle_start_position[2] - s.target_position[2])
    travel = max(travel, 0.01)
    left = float(abs(s.handle_position[2] - s.target_position[2]))
    share = float(np.clip(1.0 - left / travel, -0.5, 1.0))
    down = float(np.exp(-(left / T_DOWN) ** 2))
    reach = 1.0 - np.tanh(gap / T_REACH)
    return {
        "reach": float(W_REACH * max(reach, down)),
        "press": W_PRESS * share,
        "pressed": W_DOWN * down,
        "effort": float(-W_ACTION * np.mean(np.square(action))),
    }
