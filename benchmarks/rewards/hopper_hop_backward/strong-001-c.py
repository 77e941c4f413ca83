import numpy as np
import math

DT = 0.008           # s, length of one step
W_PROGRESS = 1.5     # per m/s of backward progress (main term)
RATE_MAX = 6.0       # m/s, cut of the progress rate
W_STAY_UP = 0.6      # bonus of a sound posture
W_LEAN = 0.1         # penalty of tipping over
W_EFFORT = 0.02      # action penalty

PITCH_TEMP = 0.4     # rad^2; 0.3 rad -> 0.80, 1 rad -> 0.08
HEIGHT_MID = 0.80    # m, half-way point of the height gate
HEIGHT_WIDTH = 0.06  # m, softness of the height gate
LEAN_AHEAD = 0.15    # s, how far ahead the tilt is forecast
LEAN_TEMP = 0.6      # rad, tilt that counts as tipping over


def potential(s):
    """m; how far torso and foot have come backwards (along -x)."""
    return -0.5 * (s.x_position + float(s.foot_position[0]))


def posture(s):
    """0 (fallen or tipped over) to 1 (upright and tall)."""
    level = math.exp(-min(s.torso_pitch ** 2 / PITCH_TEMP, 50.0))
    z = min(max((s.torso_height - HEIGHT_MID) / HEIGHT_WIDTH, -30.0), 30.0)
    return level / (1.0 + math.exp(-z))


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    sound = posture(next_state)

    rate = (potential(next_state) - potential(state)) / DT    # m/s, + = backwards
    rate = min(max(rate, -RATE_MAX), RATE_MAX)
    progress = rate * sound if rate > 0.0 else rate           # losses count in full

    tilt_soon = next_state.torso_pitch + LEAN_AHEAD * next_state.torso_pitch_velocity
    lean = math.tanh(tilt_soon / LEAN_TEMP) ** 2

    return {
        "progress": float(W_PROGRESS * progress),
        "stay_up": float(W_STAY_UP * sound),
        "lean": float(-W_LEAN * lean),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
