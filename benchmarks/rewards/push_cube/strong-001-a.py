import numpy as np

R_GOAL = 0.1        # m
BACK = 0.04         # m from the cube's centre to the point behind it
LOW = 0.02          # m, pushing height
HIGH = 0.08         # m, clears the cube
W_REACH = 0.3
T_REACH = 0.1       # m
W_PUSH = 0.5        # at the rim of the disc
W_IN = 2.0          # per step in the disc
W_FIRST = 50.0      # once, on entering it
W_ACTION = 0.01


def flat(v):
    return np.array([v[0], v[1]])


def compute_reward(state, action, next_state, memory):
    s = next_state
    way = flat(s.goal_position) - flat(s.cube_start_position)
    length = float(np.linalg.norm(way)) + 1e-6
    d = way / length
    rel = flat(s.gripper_position) - flat(s.cube_position)
    along = float(np.dot(rel, d))                     # negative = behind the cube
    side = float(np.linalg.norm(rel - along * d))
    # height wanted: low once it is behind, high before
    behind = 1.0 / (1.0 + np.exp(np.clip((along + 0.025) / 0.006, -30.0, 30.0)))
    z_want = LOW * behind + HIGH * (1.0 - behind)
    err = np.sqrt((along + BACK) ** 2 + side ** 2 + (s.gripper_position[2] - z_want) ** 2)
    reach = 1.0 - np.tanh(float(err) / T_REACH)

    dist = float(np.linalg.norm(flat(s.goal_position) - flat(s.cube_position)))
    total = max(length - R_GOAL, 0.02)
    share = np.clip(1.0 - (dist - R_GOAL) / total, -0.5, 1.0)

    inside = 1.0 if dist < R_GOAL else 0.0
    first = 1.0 if (inside > 0.5 and memory.get("was_in", 0.0) < 0.5) else 0.0
    if inside > 0.5:
        memory["was_in"] = 1.0
    return {
        "reach_behind": float(W_REACH * max(reach, inside)),
        "push": float(W_PUSH * share),
        "in_goal": W_IN * inside,
        "first_in_goal": W_FIRST * first,
        "effort": float(-W_ACTION * np.mean(np.square(action))),
    }
