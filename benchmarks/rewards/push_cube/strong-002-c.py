import numpy as np

R_GOAL = 0.1
W_REACH = 0.4
T_XY = 0.1       # m
T_Z = 0.08       # m
W_PUSH = 1.0
W_HOLD = 2.5
T_SLOW = 0.2     # m/s
BACK = 0.04      # m


def compute_reward(state, action, next_state):
    s = next_state
    way = np.array([s.goal_position[0] - s.cube_start_position[0], s.goal_position[1] - s.cube_start_position[1]])
    length = float(np.linalg.norm(way)) + 1e-6
    d = way / length
    rel = np.array([s.gripper_position[0] - s.cube_position[0], s.gripper_position[1] - s.cube_position[1]])
    along = float(np.dot(rel, d))
    side = float(rel[1] * d[0] - rel[0] * d[1])
    lift = float(np.clip((along + 0.03) / 0.02, 0.0, 1.0))
    plane = float(np.hypot(along + BACK, side))
    z_err = abs(float(s.gripper_position[2]) - (0.02 + 0.06 * lift))
    # product of two bounded terms
    reach = (1.0 - np.tanh(plane / T_XY)) * (1.0 - 0.7 * np.tanh(z_err / T_Z))

    on_table = 1.0 if s.cube_position[2] > 0.0 else 0.0
    dist = float(np.hypot(s.goal_position[0] - s.cube_position[0], s.goal_position[1] - s.cube_position[1]))
    speed = float(np.linalg.norm(s.cube_velocity))
    slow = 1.0 / (1.0 + (speed / T_SLOW) ** 2)
    share = float(np.clip(1.0 - dist / length, 0.0, 1.0)) * on_table
    inside = on_table if dist < R_GOAL else 0.0
    hold = inside * (0.3 + 0.7 * slow) * (0.5 + 0.5 * (1.0 - min(dist, R_GOAL) / R_GOAL))
    off_way = max(0.0, dist / length - 1.0)                        # cube farther off than at the start
    return {
        "reach_behind": float(W_REACH * max(reach, inside)),
        "push": float(W_PUSH * share * (0.5 + 0.5 * slow)),
        "hold_in_goal": float(W_HOLD * hold),
        "astray": float(-0.5 * np.tanh(off_way)) * on_table - (1.0 - on_table),
    }
