import numpy as np
import math

DT = 0.05               # s, length of one step
W_PROGRESS = 1.0 / DT   # reward per metre of net advance (so that one step reads in m/s)
W_RIGHTING = 2.0        # potential of an upright torso: +2 upright, -2 on the back
W_CAPSIZED = 1.5        # cost per step on the back, besides the loss of what is gained there
CAPSIZED_AT = 0.2       # cos(pitch) at which half of that cost applies
CAPSIZED_WIDTH = 0.1    # softness of that edge
W_EFFORT = 0.04         # cost of the mean square action


def distance_potential(s):
    """Metres that the centre of mass has advanced along +x."""
    return float(s.center_of_mass_position[0])


def posture_potential(s):
    """+1 belly down, -1 on the back."""
    return math.cos(s.torso_pitch)


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    advance = distance_potential(next_state) - distance_potential(state)
    righting = posture_potential(next_state) - posture_potential(state)
    capsized = 1.0 / (1.0 + math.exp((posture_potential(next_state) - CAPSIZED_AT) / CAPSIZED_WIDTH))

    # whatever is gained on the back is taken away again, so sliding is never paid
    gained = max(W_PROGRESS * advance, 0.0)

    return {
        "progress": float(W_PROGRESS * advance),
        "righting": float(W_RIGHTING * righting),
        "capsized": float(-capsized * (W_CAPSIZED + gained)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
