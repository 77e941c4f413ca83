import numpy as np

W_OVER = 0.4        # stage 1
W_AROUND = 0.6      # stage 2
W_HAND = 0.3        # stage 3: hand moves to the robot while around the handle, drawer not yet open
W_SHARE = 3.0       # stage 3
W_DONE = 3.0        # stage 4
W_EFFORT = 0.005
SIDE_SCALE = 0.15   # m
GATE_SCALE = 0.06   # m
DOWN_SCALE = 0.08   # m
SPEED_SCALE = 0.3   # m/s
DONE_SCALE = 0.03   # m


def compute_reward(state, action, next_state):
    d = next_state.gripper_position - next_state.drawer_handle_position
    side = float(np.sqrt(d[0] ** 2 + d[1] ** 2 + 1e-9))
    full = max(float(next_state.drawer_handle_start_position[1] - next_state.target_position[1]), 0.05)
    opened = float(np.clip(next_state.drawer_opening / full, 0.0, 1.0))
    kept = opened ** 4

    over = 1.0 - float(np.tanh(side / SIDE_SCALE))
    gate = float(np.exp(-(side / GATE_SCALE) ** 2))
    around = gate * (1.0 - float(np.tanh(abs(float(d[2])) / DOWN_SCALE)))
    hand = around * float(np.tanh(max(-float(next_state.hand_velocity[1]), 0.0) / SPEED_SCALE)) * (1.0 - opened)
    left = max(full - float(next_state.drawer_opening), 0.0)
    return {
        "over": W_OVER * max(over, kept),
        "around": W_AROUND * max(around, kept),
        "hand_pull": W_HAND * hand,
        "opened_share": W_SHARE * opened,
        "done": W_DONE * float(np.exp(-(left / DONE_SCALE) ** 2)),
        "effort": -W_EFFORT * float(np.mean(np.square(action[:3]))),
    }
