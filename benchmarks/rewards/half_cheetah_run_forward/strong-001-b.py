import numpy as np
import math

W_VELOCITY = 1.0    # reward per m/s forward
GATE_MIDDLE = 0.3   # cos(pitch) at which half of the forward velocity is paid (about 73 degrees)
GATE_WIDTH = 0.12   # softness of that gate
W_TILT = 1.0        # cost of tilt: 0 upright, 1 on end, 2 on the back
W_EFFORT = 0.05     # cost of the mean square action (at most 0.05 per step)


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    cos_pitch = math.cos(next_state.torso_pitch)
    gate = 1.0 / (1.0 + math.exp(-(cos_pitch - GATE_MIDDLE) / GATE_WIDTH))  # 1 upright, 0 on the back

    # forward velocity counts only upright; backward velocity is charged in any posture
    v = next_state.x_velocity
    paid_velocity = v * gate if v > 0.0 else v

    return {
        "forward_velocity": float(W_VELOCITY * paid_velocity),
        "upside_down": float(-W_TILT * (1.0 - cos_pitch)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
