import numpy as np
import math

W_PROGRESS = 250.0     # reward per metre of net advance (0.1 m/s = 0.004 m per step = 1.0)
W_LINE = 50.0          # cost per metre of drift away from y = 0
LINE_SOFT = 0.1        # m, rounds the corner of the distance at y = 0
W_STOPS = 0.05         # cost per joint that is pressed against its stop
STOP_ANGLE = 1.7       # rad, where the stop begins (normal range: 1.75)
STOP_WIDTH = 0.1       # rad, softness of that edge
W_EFFORT = 0.01        # cost of the mean square action


def advance(s):
    """Metres along +x."""
    return float(s.center_of_mass_position[0])


def drift(s):
    """Smooth distance from the line y = 0, in metres."""
    y = float(s.center_of_mass_position[1])
    return math.sqrt(y * y + LINE_SOFT ** 2)


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    over = np.abs(next_state.joint_angles) - STOP_ANGLE
    at_stop = 0.5 * (1.0 + np.tanh(over / STOP_WIDTH))       # 0 inside, 1 beyond, for each joint

    return {
        "progress": float(W_PROGRESS * (advance(next_state) - advance(state))),
        "on_line": float(W_LINE * (drift(state) - drift(next_state))),
        "joint_stops": float(-W_STOPS * np.sum(at_stop)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
