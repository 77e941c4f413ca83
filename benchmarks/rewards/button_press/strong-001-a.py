import numpy as np

REACH_SCALE = 0.15     # m, temperature of the distance to the button
ALIGN_SCALE = 0.06     # m, temperature of the x-z error
W_REACH = 1.0
W_ALIGN = 0.5
W_SHUT = 0.1
W_PRESS = 5.0
W_DONE = 3.0
DONE_SCALE = 0.01      # m, how near to fully pressed the last bonus starts
W_EFFORT = 0.005


def press_fraction(s):
    travel = abs(float(s.target_position[1] - s.button_start_position[1])) + 1e-6
    left = abs(float(s.target_position[1] - s.button_position[1]))
    return float(np.clip(1.0 - left / travel, 0.0, 1.0)), left


def compute_reward(state, action, next_state) -> dict[str, float]:
    err = next_state.gripper_position - next_state.button_position
    dist = float(np.linalg.norm(err))
    xz = float(np.hypot(err[0], err[2]))
    frac, left = press_fraction(next_state)
    reach = 1.0 - np.tanh(dist / REACH_SCALE)
    align = np.exp(-(xz / ALIGN_SCALE) ** 2)
    shut = 1.0 - np.clip((next_state.gripper_openness - 0.26) / 0.74, 0.0, 1.0)
    done = np.exp(-(left / DONE_SCALE) ** 2) * (frac > 0.05)
    return {
        "reach": float(W_REACH * reach),
        "align": float(W_ALIGN * align),
        "fingers_shut": float(W_SHUT * shut),
        "press": float(W_PRESS * frac),
        "pressed_in": float(W_DONE * done),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
