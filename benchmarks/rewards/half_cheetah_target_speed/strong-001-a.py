import numpy as np
import math

TARGET_SPEED = 2.0    # m/s, forward
W_APPROACH = 1.0      # tent: 1 at the target speed, 0 at rest and at twice the speed
TENT_FLOOR = -1.5     # lower bound of the tent
W_AT_SPEED = 1.0      # bell around the target speed
BELL_TEMP = 0.5       # (m/s)^2; 0.5 m/s off -> 0.61, 1 m/s off -> 0.14
W_UPRIGHT = 0.3       # penalty of a tilted or overturned torso
W_BODY = 0.2          # penalty of torso or head on the ground
W_EFFORT = 0.03       # action penalty


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    error = next_state.x_velocity - TARGET_SPEED

    tent = max(1.0 - abs(error) / TARGET_SPEED, TENT_FLOOR)
    bell = math.exp(-min(error ** 2 / BELL_TEMP, 50.0))

    # 1 = level, 0 = on end or overturned
    upright = min(max(float(next_state.torso_up_axis[2]), 0.0), 1.0)

    # gains need the right posture, losses count in any posture
    approach = tent * upright if tent > 0.0 else tent

    body = max(next_state.torso_contact, next_state.head_contact)    # 0/1

    return {
        "approach_speed": float(W_APPROACH * approach),
        "at_speed": float(W_AT_SPEED * bell * upright),
        "upright": float(-W_UPRIGHT * (1.0 - upright)),
        "body_contact": float(-W_BODY * body),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
