import numpy as np
import math

DT = 0.05             # s, length of one step
W_SPEED = 1.0         # reward per m/s of backward speed
W_LEVEL = 0.5         # largest cost of a tilted torso
LEVEL_SCALE = 0.8     # rad, tilt at which the level cost becomes large
W_ROLLED = 2.0        # cost per step upside down
ROLLED_AT = 0.3       # up_z at which the rolled-over flag is one half (about 73 degrees)
ROLLED_WIDTH = 0.12   # softness of the rolled-over flag, in units of up_z
W_SMOOTH = 0.05       # cost of the mean square action


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    # forward is +x, so backward speed is minus the change of x
    backward_speed = -(next_state.x_position - state.x_position) / DT

    up_z = float(np.clip(next_state.torso_up_axis[2], -1.0, 1.0))
    tilt = math.acos(up_z)                                                  # rad, 0 = level, pi = on the back
    rolled = 1.0 / (1.0 + math.exp((up_z - ROLLED_AT) / ROLLED_WIDTH))      # about 0 upright, 1 on the back

    # backward speed counts only upright; forward speed is charged in any posture
    paid_speed = backward_speed * (1.0 - rolled) if backward_speed > 0.0 else backward_speed

    return {
        "backward_speed": float(W_SPEED * paid_speed),
        "level_torso": float(-W_LEVEL * math.tanh((tilt / LEVEL_SCALE) ** 2)),
        "rolled_over": float(-W_ROLLED * rolled),
        "smooth": float(-W_SMOOTH * np.mean(np.square(action))),
    }
