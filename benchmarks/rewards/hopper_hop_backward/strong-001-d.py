import numpy as np
import math

W_BALANCE = 0.6      # stage 1: upright and tall; an upright step stays positive up to 0.43 m/s of forward drift
W_START = 0.6        # stage 2: moves backwards at all
W_HOP_BACK = 1.3     # stage 3: per m/s backwards
FLIGHT_SHARE = 0.3   # share of stage 3 that is paid for foot clearance
W_FORWARD = 1.4      # penalty per m/s of forward motion; above W_HOP_BACK, so that rocking never gains
W_EFFORT = 0.02      # action penalty

V_MAX = 4.0          # m/s, cut of the velocity
START_TEMP = 0.4     # m/s, speed scale of stage 2
SMOOTH = 0.04        # share of the new velocity in the running mean: about 25 steps = 0.2 s
PITCH_TEMP = 0.4     # rad^2; 0.3 rad -> 0.80, 1 rad -> 0.08
HEIGHT_MID = 0.80    # m, half-way point of the height gate
HEIGHT_WIDTH = 0.06  # m, softness of the height gate
FOOT_FLAT = 0.06     # m, foot height when it stands flat
CLEAR_TEMP = 0.12    # m, foot clearance of a clear hop


def compute_reward(state, action, next_state, memory) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    # stage 1: upright and tall, 0..1
    level = math.exp(-min(next_state.torso_pitch ** 2 / PITCH_TEMP, 50.0))
    z = min(max((next_state.torso_height - HEIGHT_MID) / HEIGHT_WIDTH, -30.0), 30.0)
    sound = level / (1.0 + math.exp(-z))

    back = min(max(-next_state.x_velocity, -V_MAX), V_MAX)     # + = backwards = wanted

    # stage 2: the mean motion is backwards
    mean_back = (1.0 - SMOOTH) * memory.get("mean_back", 0.0) + SMOOTH * back
    memory["mean_back"] = mean_back
    start = math.tanh(max(mean_back, 0.0) / START_TEMP)

    # stage 3: backward speed, best with the foot clearing the ground
    clearance = math.tanh(max(next_state.foot_height - FOOT_FLAT, 0.0) / CLEAR_TEMP)
    hop_back = max(back, 0.0) * (1.0 - FLIGHT_SHARE + FLIGHT_SHARE * clearance)

    return {
        "balance": float(W_BALANCE * sound),
        "start_back": float(W_START * start * sound),
        "hop_back": float(W_HOP_BACK * hop_back * sound),
        "forward_motion": float(-W_FORWARD * max(-back, 0.0)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
