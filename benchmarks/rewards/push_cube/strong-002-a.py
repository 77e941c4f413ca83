import numpy as np

R_GOAL = 0.1        # m
BACK = 0.04         # m behind the cube's centre
LOW = 0.02          # m
HIGH = 0.08         # m
W_REACH = 0.3
T_REACH = 0.1       # m
W_PUSH = 1.0
T_PUSH = 0.15       # m
W_IN = 2.0
T_SPEED = 0.1       # m/s
W_FAST = 0.5        # per m/s above FAST
FAST = 0.3          # m/s
W_LOST = 1.0        # off the table
W_ACTION = 0.03


def compute_reward(state, action, next_state):
    s = next_state
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    d = way / (float(np.linalg.norm(way)) + 1e-6)
    rel = np.array([s.gripper_position[0] - s.cube_position[0], s.gripper_position[1] - s.cube_position[1]])
    along = float(np.dot(rel, d))
    side = float(rel[1] * d[0] - rel[0] * d[1])
    behind = 1.0 / (1.0 + np.exp(np.clip((along + 0.02) / 0.006, -30.0, 30.0)))
    z_want = LOW * behind + HIGH * (1.0 - behind)
    err = float(np.sqrt((along + BACK) ** 2 + side ** 2 + (s.gripper_position[2] - z_want) ** 2))

    dist = float(np.hypot(s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]))
    speed = float(np.linalg.norm(s.cube_velocity))
    on_table = 1.0 if s.cube_position[2] > 0.0 else 0.0
    inside = on_table if dist < R_GOAL else 0.0
    reach = 1.0 - np.tanh(err / T_REACH)
    return {
        "reach_behind": float(W_REACH * max(reach, inside)),
        "push": float(W_PUSH * (1.0 - np.tanh(dist / T_PUSH)) * on_table),
        "in_goal": float(W_IN * inside * (1.0 - 0.5 * np.tanh(speed / T_SPEED))),
        "too_fast": float(-W_FAST * min(max(0.0, speed - FAST), 2.0)),
        "lost": -W_LOST * (1.0 - on_table),
        "effort": float(-W_ACTION * np.mean(np.square(action[0:3]))),
    }
