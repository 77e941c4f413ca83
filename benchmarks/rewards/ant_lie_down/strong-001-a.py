import numpy as np

START = 0.75        # m, height at the start
LYING = 0.27        # m, height of a torso on the ground
W_LOW = 3.0
W_BELLY = 1.0
W_FLAT = 0.7
W_REST = 0.7
SPEED_TEMP = 0.5    # m/s
SPIN_TEMP = 2.0     # rad/s
W_EFFORT = 0.05


def compute_reward(state, action, next_state) -> dict[str, float]:
    h = next_state.torso_height
    low = float(np.clip((START - h) / (START - LYING), -0.5, 1.0))
    low_gate = max(low, 0.0) ** 2
    up = float(np.clip(next_state.up_alignment, 0.0, 1.0))
    speed = float(np.linalg.norm(next_state.torso_velocity))
    spin = float(np.linalg.norm(next_state.torso_rotation_rate))
    rest = 1.0 / (1.0 + (speed / SPEED_TEMP) ** 2 + (spin / SPIN_TEMP) ** 2)
    return {
        "low": W_LOW * low,
        "belly_on_ground": W_BELLY * float(next_state.torso_contact) * up * low_gate,
        "flat": W_FLAT * up,
        "rest": W_REST * rest * low_gate,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
