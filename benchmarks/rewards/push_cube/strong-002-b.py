import numpy as np

R_GOAL = 0.1
BACK = 0.04         # m behind the cube's centre
W_REACH = 0.4
T_REACH = 0.12      # m
W_PUSH = 1.0        # share of the way, 0 at the start, 1 at the centre
W_IN = 1.5
W_CENTRE = 1.0      # centre of the disc
T_CENTRE = 0.06     # m
W_OFF = 2.0         # per step off the table
W_FAST = 1.0        # per m/s of the cube above SAFE
SAFE = 0.25         # m/s
W_STILL = 0.3       # gripper at rest when the cube is inside
T_STILL = 0.2       # m/s


def compute_reward(state, action, next_state):
    s = next_state
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    length = float(np.linalg.norm(way)) + 1e-6
    d = way / length
    rel = np.array([s.gripper_position[0] - s.cube_position[0], s.gripper_position[1] - s.cube_position[1]])
    along = float(np.dot(rel, d))
    side = float(rel[1] * d[0] - rel[0] * d[1])
    lift = float(np.clip((along + 0.03) / 0.02, 0.0, 1.0))       # 1 over or in front of the cube
    z_want = 0.02 + 0.06 * lift
    err = float(np.sqrt((along + BACK) ** 2 + side ** 2 + (s.gripper_position[2] - z_want) ** 2))
    dist = float(np.hypot(s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]))
    off = 1.0 if s.cube_position[2] < 0.0 else 0.0
    inside = 1.0 if (dist < R_GOAL and off < 0.5) else 0.0
    cube_speed = float(np.linalg.norm(s.cube_velocity))
    hand_speed = float(np.linalg.norm(s.gripper_velocity))
    share = float(np.clip(1.0 - dist / length, -2.0, 1.0))
    return {
        "reach_behind": float(W_REACH * max(1.0 - np.tanh(err / T_REACH), inside)),
        "push": W_PUSH * share,
        "in_goal": W_IN * inside,
        "centre": float(W_CENTRE * inside * np.exp(-(dist / T_CENTRE) ** 2)),
        "still": float(W_STILL * inside * (1.0 - np.tanh(hand_speed / T_STILL))),
        "off_table": -W_OFF * off,
        "too_fast": float(-W_FAST * min(max(0.0, cube_speed - SAFE), 1.0)),
    }
