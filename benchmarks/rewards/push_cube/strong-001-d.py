import numpy as np

W_BEHIND = 0.2
W_LOW = 0.2
W_SHUT = 0.1
W_PUSH = 1.0
W_GOAL = 1.5       # more in the disc, where the shift also ends
SHIFT = 1.5
R_GOAL = 0.1       # m
T_XY = 0.08        # m
T_Z = 0.05         # m


def compute_reward(state, action, next_state):
    s = next_state
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    length = float(np.linalg.norm(way)) + 1e-6
    d = way / length
    rel = np.array([s.gripper_position[0] - s.cube_position[0], s.gripper_position[1] - s.cube_position[1]])
    along = float(np.dot(rel, d))
    side = float(rel[1] * d[0] - rel[0] * d[1])

    # 1 anywhere from 0.03 to 0.05 m behind the cube, on the line of the push
    gap = max(0.0, along + 0.03) + max(0.0, -0.05 - along)
    plane = float(np.hypot(gap, side))
    behind = 1.0 - np.tanh(plane / T_XY)
    low = behind * (1.0 - np.tanh(abs(float(s.gripper_position[2]) - 0.02) / T_Z))
    shut = low * float(np.clip(1.0 - s.gripper_opening / 0.08, 0.0, 1.0))

    dist = float(np.hypot(s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]))
    share = float(np.clip((length - dist) / max(length - R_GOAL, 0.02), -1.0, 1.0))
    inside = 1.0 if dist < R_GOAL else 0.0
    return {
        "behind": float(W_BEHIND * max(behind, inside)),
        "low": float(W_LOW * max(low, inside)),
        "shut": float(W_SHUT * max(shut, inside)),
        "push": float(W_PUSH * share),
        "in_goal": W_GOAL * inside,
        "not_yet": -SHIFT * (1.0 - inside),
    }
