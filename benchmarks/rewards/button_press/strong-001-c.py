import numpy as np

W_REACH = 20.0        # per metre of decrease of distance
W_LATERAL = 10.0      # per metre of decrease of the x-z error, on top
W_PRESS = 100.0       # per metre of button travel
W_HELD = 1.0          # per step, for the button held in
W_EFFORT = 0.005


def left_to_press(s):
    return abs(float(s.target_position[1] - s.button_position[1]))


def distance(s):
    return float(np.linalg.norm(s.gripper_position - s.button_position))


def lateral(s):
    e = s.gripper_position - s.button_position
    return float(np.hypot(e[0], e[2]))


def compute_reward(state, action, next_state) -> dict[str, float]:
    travel = abs(float(next_state.target_position[1] - next_state.button_start_position[1])) + 1e-6
    frac = float(np.clip(1.0 - left_to_press(next_state) / travel, 0.0, 1.0))
    return {
        "reach_progress": W_REACH * (distance(state) - distance(next_state)),
        "lateral_progress": W_LATERAL * (lateral(state) - lateral(next_state)),
        "press_progress": W_PRESS * (left_to_press(state) - left_to_press(next_state)),
        "held_in": W_HELD * frac ** 2,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
