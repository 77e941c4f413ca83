import numpy as np
import math

W_FORWARD = 1.0        # per m/s of forward velocity (the main term)
V_MAX = 4.0            # m/s, faster than this earns nothing more
W_POSTURE = 0.5        # bonus of a sound posture, well below what hopping earns
W_HOP = 0.4            # bonus of lifting the foot while travelling forward
W_EFFORT = 0.02        # action penalty

PITCH_TEMP = 0.35      # rad^2; 0.3 rad -> 0.77, 1 rad -> 0.06
HEIGHT_MID = 0.80      # m, torso height at which the posture gate is one half
HEIGHT_WIDTH = 0.06    # m, softness of this gate
FOOT_FLAT = 0.06       # m, foot height when it stands flat
CLEARANCE_TEMP = 0.15  # m, foot clearance of a clear hop
SPEED_TEMP = 1.0       # m/s, forward speed at which the hop bonus is mostly on


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-min(max(x, -30.0), 30.0)))


def soundness(s):
    """0 (fallen or tipped over) to 1 (upright and tall)."""
    upright = math.exp(-min(s.torso_pitch ** 2 / PITCH_TEMP, 50.0))
    tall = sigmoid((s.torso_height - HEIGHT_MID) / HEIGHT_WIDTH)
    return upright * tall


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    sound = soundness(next_state)

    v = min(max(next_state.x_velocity, -V_MAX), V_MAX)   # + = forward = wanted
    # forward speed counts as far as the posture is sound; backward speed is charged in full
    forward = W_FORWARD * (v * sound if v > 0.0 else v)

    clearance = math.tanh(max(next_state.foot_height - FOOT_FLAT, 0.0) / CLEARANCE_TEMP)
    moving = math.tanh(max(v, 0.0) / SPEED_TEMP)
    hop = W_HOP * clearance * moving * sound

    return {
        "forward": float(forward),
        "posture": float(W_POSTURE * sound),
        "hop": float(hop),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
