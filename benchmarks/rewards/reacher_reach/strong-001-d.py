import numpy as np
import math

W_APPROACH = 0.8      # stage 1: come closer (linear)
APPROACH_SCALE = 0.2  # m, distance at which stage 1 pays zero
W_NEAR = 0.9          # stage 2: within some centimetres
NEAR_TEMP = 0.08      # m
W_ON_TARGET = 1.8     # stage 3: on the target
TARGET_TEMP = 0.025   # m
W_HOLD = 3.6          # stage 4: at rest on the target
REST_TEMP = 0.25      # m/s, fingertip speed at which stage 4 pays one half
W_EFFORT = 0.03       # action penalty


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    d = max(next_state.fingertip_to_target_distance, 0.0)
    speed = float(np.linalg.norm(next_state.fingertip_velocity))

    approach = 1.0 - d / APPROACH_SCALE                                # about -2..1
    near = math.exp(-(d / NEAR_TEMP) ** 2)                             # 0..1
    on_target = math.exp(-(d / TARGET_TEMP) ** 2)                      # 0..1
    # long tail: 1 at rest, 0.5 at 0.25 m/s, still 0.11 with a slope at 0.7 m/s
    at_rest = 1.0 / (1.0 + (speed / REST_TEMP) ** 2)                   # 0..1

    return {
        "approach": float(W_APPROACH * approach),
        "near": float(W_NEAR * near),
        "on_target": float(W_ON_TARGET * on_target),
        "hold": float(W_HOLD * on_target * at_rest),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
