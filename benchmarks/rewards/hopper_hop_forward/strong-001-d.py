import numpy as np
import math

W_BALANCE = 0.4      # stage 1: upright and tall
W_HOP = 0.5          # stage 2: foot off the ground while upright
W_TRAVEL = 1.5       # stage 3: per m/s forward while upright
W_EFFORT = 0.02      # action penalty

V_MAX = 4.0          # m/s, cut of the velocity
V_TEMP = 0.7         # m/s, speed at which the hop stage is paid almost in full
PITCH_TEMP = 0.4     # rad^2; 0.3 rad -> 0.80, 1 rad -> 0.08
HEIGHT_MID = 0.80    # m, half-way point of the height gate
HEIGHT_WIDTH = 0.06  # m, softness of the height gate
FOOT_FLAT = 0.06     # m, foot height when it stands flat
CLEAR_TEMP = 0.12    # m, foot clearance of a clear hop


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    # stage 1: upright and tall, 0..1
    level = math.exp(-min(next_state.torso_pitch ** 2 / PITCH_TEMP, 50.0))
    z = min(max((next_state.torso_height - HEIGHT_MID) / HEIGHT_WIDTH, -30.0), 30.0)
    sound = level / (1.0 + math.exp(-z))

    v = min(max(next_state.x_velocity, -V_MAX), V_MAX)        # + = forward
    moving = math.tanh(max(v, 0.0) / V_TEMP)                  # 0..1

    # stage 2: foot clears the ground; half pay in place, full pay when travelling forward
    clearance = math.tanh(max(next_state.foot_height - FOOT_FLAT, 0.0) / CLEAR_TEMP)
    hop = sound * clearance * (0.5 + 0.5 * moving)

    # stage 3: travel forward; backward motion is charged whatever the posture
    travel = v * sound if v > 0.0 else v

    return {
        "balance": float(W_BALANCE * sound),
        "hop": float(W_HOP * hop),
        "travel": float(W_TRAVEL * travel),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
