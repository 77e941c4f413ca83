import numpy as np

LINE_UP_SCALE = 0.10   # m, x-z error
GATE_SCALE = 0.08      # m, x-z error that opens the approach
GAP_SCALE = 0.20       # m, gap in y
W_LINE_UP = 1.0
W_SHUT = 0.2
W_APPROACH = 2.0
W_PRESS = 6.0
W_DONE = 4.0
DONE_FROM = 0.8        # share of travel at which the last stage begins
W_EFFORT = 0.005


def compute_reward(state, action, next_state) -> dict[str, float]:
    e = next_state.gripper_position - next_state.button_position
    xz = float(np.hypot(e[0], e[2]))
    gap = abs(float(e[1]))

    line_up = 1.0 - np.tanh(xz / LINE_UP_SCALE)
    shut = 1.0 - np.clip((next_state.gripper_openness - 0.26) / 0.74, 0.0, 1.0)

    gate = 1.0 / (1.0 + (xz / GATE_SCALE) ** 2)
    approach = gate * (1.0 - np.tanh(gap / GAP_SCALE))

    travel = abs(float(next_state.target_position[1] - next_state.button_start_position[1])) + 1e-6
    left = abs(float(next_state.target_position[1] - next_state.button_position[1]))
    frac = float(np.clip(1.0 - left / travel, 0.0, 1.0))
    done = np.clip((frac - DONE_FROM) / (1.0 - DONE_FROM), 0.0, 1.0)
    return {
        "line_up": float(W_LINE_UP * line_up),
        "fingers_shut": float(W_SHUT * shut * line_up),
        "approach": float(W_APPROACH * approach),
        "press": float(W_PRESS * frac),
        "pressed_in": float(W_DONE * done),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
