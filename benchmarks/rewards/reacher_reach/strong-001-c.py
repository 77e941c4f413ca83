import numpy as np
import math

W_PROGRESS = 2.0      # scale of the difference of potentials (main term)
FAR_SCALE = 0.1       # m of distance per unit of potential
NEAR_GAIN = 1.5       # units of potential for the last centimetres
NEAR_TEMP = 0.03      # m, range of the last centimetres
W_STAY = 0.06         # per step on the target; 50 steps earn less than half of a full reach
W_EFFORT = 0.01       # action penalty


def potential(s):
    """Grows from about -3 (far) to NEAR_GAIN (reached)."""
    d = max(s.fingertip_to_target_distance, 0.0)
    return -d / FAR_SCALE + NEAR_GAIN * math.exp(-d / NEAR_TEMP)


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    d = max(next_state.fingertip_to_target_distance, 0.0)

    return {
        "progress": float(W_PROGRESS * (potential(next_state) - potential(state))),
        "stay": float(W_STAY * math.exp(-d / NEAR_TEMP)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
