import numpy as np
import math

W_CLOSENESS = 5.0     # per m of distance (main term)
W_ON_TARGET = 0.5     # bonus of being on the target
TARGET_TEMP = 0.03    # m; 0.03 m -> 0.37, 0.01 m -> 0.89
W_EFFORT = 0.02       # action penalty


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    distance = next_state.fingertip_to_target_distance       # m, 0 = reached

    return {
        "closeness": float(-W_CLOSENESS * distance),
        "on_target": float(W_ON_TARGET * math.exp(-(distance / TARGET_TEMP) ** 2)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
