import numpy as np

LYING = 0.27         # m
START = 0.75         # m
W_SINK = 20.0        # per metre of descent
W_LEGS = 1.0         # per rad of mean ankle spread
W_TILT = 2.0         # for a change of up_alignment
W_STAY = 0.5         # per step, lying still on the belly
SPEED_TEMP = 0.5     # m/s
W_EFFORT = 0.02


def height(s):
    return max(float(s.torso_height), LYING)


def bend(s):
    return 0.25 * (abs(s.front_left_ankle_angle) + abs(s.front_right_ankle_angle)
                   + abs(s.back_left_ankle_angle) + abs(s.back_right_ankle_angle))


def compute_reward(state, action, next_state) -> dict[str, float]:
    low = float(np.clip((START - next_state.torso_height) / (START - LYING), 0.0, 1.0))
    up = float(np.clip(next_state.up_alignment, 0.0, 1.0))
    speed = float(np.linalg.norm(next_state.torso_velocity))
    still = 1.0 / (1.0 + (speed / SPEED_TEMP) ** 2)
    return {
        "sink_progress": W_SINK * (height(state) - height(next_state)),
        "legs_progress": float(W_LEGS * (bend(state) - bend(next_state))),
        "level_progress": W_TILT * (float(next_state.up_alignment) - float(state.up_alignment)),
        "stay_down": W_STAY * low ** 2 * up * (0.5 + 0.5 * still),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
