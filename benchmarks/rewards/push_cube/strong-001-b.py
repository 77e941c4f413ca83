import numpy as np

W_CUBE = 1.0
W_HAND = 0.5
T_HAND = 0.15    # m
W_DONE = 1.0
R_GOAL = 0.1     # m
BACK = 0.035     # m


def compute_reward(state, action, next_state):
    s = next_state
    to_goal = np.array([s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]])
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    length = float(np.linalg.norm(way)) + 1e-6
    d = way / length
    dist = float(np.linalg.norm(to_goal))
    done = 1.0 if dist < R_GOAL else 0.0
    left = max(0.0, dist - R_GOAL) / max(length - R_GOAL, 0.02)

    behind = np.array([s.cube_position[0] - BACK * d[0], s.cube_position[1] - BACK * d[1], 0.02])
    hand = float(np.linalg.norm(s.gripper_position - behind))
    return {
        "cube_to_goal": float(-W_CUBE * min(left, 2.0)),
        "hand_behind": float(-W_HAND * np.tanh(hand / T_HAND) * (1.0 - done)),
        "done": W_DONE * done,
    }
