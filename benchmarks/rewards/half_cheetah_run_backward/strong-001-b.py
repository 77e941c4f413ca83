import numpy as np
import math

W_VELOCITY = 1.0    # reward per m/s backwards
GATE_MIDDLE = 0.3   # cos(pitch) at which half of the backward velocity is paid (about 73 degrees)
GATE_WIDTH = 0.12   # softness of that gate
W_TILT = 0.8        # cost of tilt: 0 level, 0.8 on end, 1.6 on the back
W_EFFORT = 0.05     # cost of the mean square action


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    v = -next_state.x_velocity  # m/s; backward = negative x_velocity, so + = the wanted way
    cos_pitch = math.cos(next_state.torso_pitch)
    gate = 1.0 / (1.0 + math.exp(-(cos_pitch - GATE_MIDDLE) / GATE_WIDTH))  # 1 level, 0 on the back

    return {
        "backward_velocity": float(W_VELOCITY * (v * gate if v > 0.0 else v)),  # a loss is charged in any posture
        "tilt": float(-W_TILT * (1.0 - cos_pitch)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
