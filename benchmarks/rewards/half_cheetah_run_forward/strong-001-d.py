import numpy as np
import math

DT = 0.05            # s, length of one step
W_UPRIGHT = 0.3      # stage 1: belly down
W_GOING = 1.0        # stage 2: moving forward at all
GOING_SPEED = 1.0    # m/s, temperature of stage 2
SMOOTHING = 0.05     # share of the newest step in the averaged speed of stage 2 (about 20 steps = 1 s)
W_RUN = 1.0          # stage 3: reward per m/s, no ceiling
GATE_MIDDLE = 0.35   # up_z at which half of the forward pay is given
GATE_WIDTH = 0.12    # softness of the gate
W_HEAD = 0.2         # cost per step of a head on the ground
W_EFFORT = 0.05      # cost of the mean square action


def upright_gate(up_z):
    """Near 1 belly down, near 0 on end or on the back."""
    return 1.0 / (1.0 + math.exp(-(up_z - GATE_MIDDLE) / GATE_WIDTH))


def gated(value, gate):
    """Gate what is gained; charge losses in full."""
    return value * gate if value > 0.0 else value


def compute_reward(state, action, next_state, memory) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    gate = upright_gate(float(next_state.torso_up_axis[2]))
    speed = (next_state.x_position - state.x_position) / DT  # m/s, + = forward

    # averaged over about a second, so that rocking in place has no speed to be paid for
    mean_speed = (1.0 - SMOOTHING) * memory.get("mean_speed", 0.0) + SMOOTHING * speed
    memory["mean_speed"] = mean_speed

    return {
        "belly_down": float(W_UPRIGHT * gate),
        "get_going": float(W_GOING * gated(math.tanh(mean_speed / GOING_SPEED), gate)),
        "run_fast": float(W_RUN * gated(speed, gate)),
        "head_drag": float(-W_HEAD * next_state.head_contact),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
