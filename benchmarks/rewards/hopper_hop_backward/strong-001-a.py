import numpy as np
import math

W_BACKWARD = 1.2     # per m/s of backward velocity (main term)
V_MAX = 4.0          # m/s, cut of the velocity
W_POSTURE = 0.5      # bonus of a sound posture
W_HOP = 0.3          # bonus of lifting the foot while travelling backwards
W_TUMBLE = 0.1       # penalty of fast pitching
W_EFFORT = 0.02      # action penalty

PITCH_TEMP = 0.4     # rad^2; 0.3 rad -> 0.80, 1 rad -> 0.08
HEIGHT_MID = 0.80    # m, half-way point of the height gate
HEIGHT_WIDTH = 0.06  # m, softness of the height gate
FOOT_FLAT = 0.06     # m, foot height when it stands flat
CLEAR_TEMP = 0.15    # m, foot clearance of a clear hop
MOVE_TEMP = 1.0      # m/s, backward speed at which the hop bonus is mostly on
TUMBLE_TEMP = 4.0    # rad/s


def soundness(s):
    """0 (fallen or tipped over) to 1 (upright and tall)."""
    level = math.exp(-min(s.torso_pitch ** 2 / PITCH_TEMP, 50.0))
    z = min(max((s.torso_height - HEIGHT_MID) / HEIGHT_WIDTH, -30.0), 30.0)
    return level / (1.0 + math.exp(-z))


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    sound = soundness(next_state)

    back = min(max(-next_state.x_velocity, -V_MAX), V_MAX)    # + = backwards = wanted
    backward = back * sound if back > 0.0 else back           # forward motion is charged in full

    clearance = math.tanh(max(next_state.foot_height - FOOT_FLAT, 0.0) / CLEAR_TEMP)
    moving = math.tanh(max(back, 0.0) / MOVE_TEMP)

    tumble = math.tanh(next_state.torso_pitch_velocity / TUMBLE_TEMP) ** 2

    return {
        "backward": float(W_BACKWARD * backward),
        "posture": float(W_POSTURE * sound),
        "hop": float(W_HOP * clearance * moving * sound),
        "tumble": float(-W_TUMBLE * tumble),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
