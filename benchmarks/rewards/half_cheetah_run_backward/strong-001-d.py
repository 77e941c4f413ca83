import numpy as np
import math

DT = 0.05             # s, length of one step
W_BALANCED = 0.25     # stage 1: level torso
W_START = 1.0         # stage 2: going backward at all
START_SPEED = 0.7     # m/s, temperature of stage 2
AVERAGING = 0.05      # share of the newest step in the averaged speed of stage 2 (about 20 steps = 1 s)
W_RUN = 1.0           # stage 3: reward per m/s backward, no ceiling
LEVEL_MIDDLE = 0.3    # cos(pitch) at which half is paid (about 73 degrees)
LEVEL_WIDTH = 0.12    # softness of that edge
W_EFFORT = 0.05       # cost of the mean square action


def balance(s):
    """Near 1 with a level torso, near 0 on end or on the back; full flips do not matter."""
    return 1.0 / (1.0 + math.exp(-(math.cos(s.torso_pitch) - LEVEL_MIDDLE) / LEVEL_WIDTH))


def when_balanced(value, factor):
    """Gains count only when balanced, losses always."""
    return value * factor if value > 0.0 else value


def compute_reward(state, action, next_state, memory) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    factor = balance(next_state)
    v_back = -(next_state.x_position - state.x_position) / DT   # m/s, + = backward, the wanted way

    # the bent tanh sees the averaged speed, so creeping back and jerking forth is not paid
    v_mean = memory.get("v_mean", 0.0)
    v_mean = v_mean + AVERAGING * (v_back - v_mean)
    memory["v_mean"] = v_mean

    return {
        "balanced": float(W_BALANCED * factor),
        "start_back": float(W_START * when_balanced(math.tanh(v_mean / START_SPEED), factor)),
        "run_back": float(W_RUN * when_balanced(v_back, factor)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
