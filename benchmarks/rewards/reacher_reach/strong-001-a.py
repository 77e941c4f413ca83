import numpy as np
import math

W_DISTANCE = 4.0       # per m of distance (main term)
W_PRECISION = 1.0      # bonus of being right on the target
PRECISION_TEMP = 0.04  # m; 0.04 m -> 0.37, 0.01 m -> 0.78
W_OVERSHOOT = 0.2      # penalty of speed near the target
NEAR_TEMP = 0.05       # m, what counts as near
SPEED_TEMP = 0.5       # m/s, fingertip speed that counts as fast
W_EFFORT = 0.05        # action penalty


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    d = max(next_state.fingertip_to_target_distance, 0.0)

    near = math.exp(-(d / NEAR_TEMP) ** 2)
    speed = float(np.linalg.norm(next_state.fingertip_velocity))

    return {
        "distance": float(-W_DISTANCE * d),
        "precision": float(W_PRECISION * math.exp(-d / PRECISION_TEMP)),
        "overshoot": float(-W_OVERSHOOT * near * math.tanh(speed / SPEED_TEMP)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
