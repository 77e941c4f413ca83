import numpy as np

R_GOAL = 0.1
BACK = 0.04       # m
W_BEHIND = 0.2
T_BEHIND = 0.1    # m
W_LOW = 0.2
T_LOW = 0.06      # m
W_SHUT = 0.1
W_MOVE = 0.3
V_MOVE = 0.25     # m/s, cap
W_SHARE = 1.0
W_IN = 1.5
W_CENTRE = 0.8
W_SLOW = 0.5
T_SLOW = 0.1      # m/s
W_FAST = 0.8
W_OFF = 1.5
W_ACTION = 0.02


def compute_reward(state, action, next_state):
    s = next_state
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    length = float(np.linalg.norm(way)) + 1e-6
    d = way / length
    rel = np.array([s.gripper_position[0] - s.cube_position[0], s.gripper_position[1] - s.cube_position[1]])
    along = float(np.dot(rel, d))
    side = float(rel[1] * d[0] - rel[0] * d[1])
    plane = float(np.hypot(along + BACK, side))
    behind = 1.0 - np.tanh(plane / T_BEHIND)
    lift = float(np.clip((along + 0.03) / 0.02, 0.0, 1.0))
    z_want = 0.02 + 0.06 * lift
    low = 1.0 - np.tanh(abs(float(s.gripper_position[2]) - z_want) / T_LOW)
    shut = float(np.clip(1.0 - s.gripper_opening / 0.08, 0.0, 1.0))

    to_goal = np.array([s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]])
    dist = float(np.linalg.norm(to_goal))
    off = 1.0 if s.cube_position[2] < 0.0 else 0.0
    inside = 1.0 if (dist < R_GOAL and off < 0.5) else 0.0
    v = np.array([s.cube_velocity[0], s.cube_velocity[1]])
    speed = float(np.linalg.norm(v))
    toward = float(np.clip(np.dot(v, to_goal) / (dist + 1e-6), -V_MOVE, V_MOVE)) / V_MOVE
    share = float(np.clip(1.0 - dist / length, -2.0, 1.0))
    return {
        "behind": float(W_BEHIND * max(behind, inside)),
        "low": float(W_LOW * max(behind * low, inside)),
        "shut": W_SHUT * max(shut, inside),
        "moving": float(W_MOVE * toward * (1.0 - inside) * (1.0 - off)),
        "share": W_SHARE * share,
        "in_goal": W_IN * inside,
        "centre": float(W_CENTRE * inside * (1.0 - min(dist, R_GOAL) / R_GOAL)),
        "slow": float(W_SLOW * inside * (1.0 - np.tanh(speed / T_SLOW))),
        "too_fast": float(-W_FAST * min(max(0.0, speed - 0.4), 1.0)),
        "off_table": -W_OFF * off,
        "effort": float(-W_ACTION * np.mean(np.square(action[0:3]))),
    }
