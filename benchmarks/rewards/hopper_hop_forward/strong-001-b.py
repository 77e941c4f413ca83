import numpy as np
import math

W_FORWARD = 1.5      # per m/s, the main term
V_MAX = 4.0          # m/s, cut of the velocity
W_UPRIGHT = 0.7      # +0.7 upright and tall ... -0.7 fallen
W_EFFORT = 0.01      # action penalty

PITCH_TEMP = 0.4     # rad^2; 0.3 rad -> 0.80, 1 rad -> 0.08
HEIGHT_MID = 0.8     # m, half-way point of "tall"
HEIGHT_WIDTH = 0.1   # m, softness of "tall"


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    velocity = min(max(next_state.x_velocity, -V_MAX), V_MAX)   # + = forward

    level = math.exp(-min(next_state.torso_pitch ** 2 / PITCH_TEMP, 50.0))            # 0..1
    tall = 0.5 * (1.0 + math.tanh((next_state.torso_height - HEIGHT_MID) / HEIGHT_WIDTH))  # 0..1
    posture = level * tall                                                            # 0..1

    # forward speed counts only as far as the posture is sound (no pay for dives and crawling);
    # backward speed is charged in full
    forward = velocity * posture if velocity > 0.0 else velocity

    return {
        "forward": float(W_FORWARD * forward),
        "upright": float(W_UPRIGHT * (2.0 * posture - 1.0)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
