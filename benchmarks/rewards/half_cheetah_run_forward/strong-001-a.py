import numpy as np
import math

DT = 0.05              # s, length of one step
W_SPEED = 1.0          # reward per m/s of forward speed
GATE_MIDDLE = 0.3      # up_z at which half of the forward speed is paid (about 73 degrees of tilt)
GATE_WIDTH = 0.12      # softness of that gate
W_TILT = 0.4           # cost of tilt: 0 upright, 0.8 on the back
W_HEAD = 0.3           # cost per step of a head on the ground
W_EFFORT = 0.05        # cost of the mean square action


def upright_gate(up_z):
    """Near 1 with the belly down, near 0 on the back, smooth between."""
    return 1.0 / (1.0 + math.exp(-(up_z - GATE_MIDDLE) / GATE_WIDTH))


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    up_z = float(next_state.torso_up_axis[2])
    speed = (next_state.x_position - state.x_position) / DT  # m/s, + = forward

    # backward motion is charged in full in any posture, so rocking earns nothing
    paid_speed = max(speed, 0.0) * upright_gate(up_z) + min(speed, 0.0)

    return {
        "forward_speed": float(W_SPEED * paid_speed),
        "tilt": float(-W_TILT * (1.0 - up_z)),
        "head_down": float(-W_HEAD * next_state.head_contact),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
