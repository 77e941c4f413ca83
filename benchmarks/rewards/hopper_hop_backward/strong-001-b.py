import numpy as np
import math

W_BACKWARD = 1.5     # per m/s of backward velocity (main term)
V_MAX = 4.0          # m/s, cut of the velocity
W_UPRIGHT = 0.6      # survival bonus, well below what hopping earns
W_EFFORT = 0.01      # action penalty

PITCH_TEMP = 0.4     # rad^2; 0.3 rad -> 0.80, 1 rad -> 0.08
HEIGHT_MID = 0.8     # m, half-way point of "tall"
HEIGHT_WIDTH = 0.12  # m, softness of "tall"


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    level = math.exp(-min(next_state.torso_pitch ** 2 / PITCH_TEMP, 50.0))
    tall = 0.5 * (1.0 + math.tanh((next_state.torso_height - HEIGHT_MID) / HEIGHT_WIDTH))
    posture = level * tall                                     # 0..1

    back = min(max(-next_state.x_velocity, -V_MAX), V_MAX)     # + = backwards
    if back > 0.0:
        back = back * posture                                  # no pay for toppling or crawling

    return {
        "backward": float(W_BACKWARD * back),
        "upright": float(W_UPRIGHT * posture),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
