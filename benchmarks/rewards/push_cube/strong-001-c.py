import numpy as np

W_CUBE = 100.0     # per metre
W_HAND = 20.0      # per metre
W_FIRST = 10.0
W_STAY = 0.5
STEP_COST = 0.05
R_GOAL = 0.1       # m
BACK = 0.035       # m behind the cube's centre


def cube_left(s):
    d = np.array([s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]])
    return max(0.0, float(np.linalg.norm(d)) - R_GOAL * 0.9)


def hand_left(s):
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    d = way / (float(np.linalg.norm(way)) + 1e-6)
    rel = np.array([s.gripper_position[0] - s.cube_position[0], s.gripper_position[1] - s.cube_position[1]])
    along = float(np.dot(rel, d))
    side = float(rel[1] * d[0] - rel[0] * d[1])
    plane = float(np.hypot(along + BACK, side))
    # 0 in front or above, 1 behind the cube's rear face
    behind = float(np.clip((-along - 0.01) / 0.02, 0.0, 1.0))
    z_want = 0.02 + 0.05 * (1.0 - behind)
    return plane + abs(float(s.gripper_position[2]) - z_want)


def compute_reward(state, action, next_state, memory):
    g = next_state.goal_position
    c = next_state.cube_position
    inside = 1.0 if float(np.hypot(g[0] - c[0], g[1] - c[1])) < R_GOAL else 0.0
    first = 1.0 if (inside > 0.5 and memory.get("seen", 0.0) < 0.5) else 0.0
    if inside > 0.5:
        memory["seen"] = 1.0
    hand = 0.0 if inside > 0.5 else hand_left(state) - hand_left(next_state)
    return {
        "cube_progress": float(W_CUBE * (cube_left(state) - cube_left(next_state))),
        "hand_progress": float(W_HAND * hand),
        "entered_goal": W_FIRST * first,
        "in_goal": W_STAY * inside,
        "time": -STEP_COST * (1.0 - inside),
    }
