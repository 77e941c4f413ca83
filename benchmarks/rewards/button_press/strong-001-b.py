import numpy as np

W_REACH = 2.0     # per metre
W_PRESS = 5.0     # for the button pressed fully in
W_EFFORT = 0.005


def compute_reward(state, action, next_state) -> dict[str, float]:
    dist = float(np.linalg.norm(next_state.gripper_position - next_state.button_position))
    travel = abs(float(next_state.target_position[1] - next_state.button_start_position[1])) + 1e-6
    left = abs(float(next_state.target_position[1] - next_state.button_position[1]))
    frac = float(np.clip(1.0 - left / travel, 0.0, 1.0))
    return {
        "reach": -W_REACH * dist,
        "press": W_PRESS * frac,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
