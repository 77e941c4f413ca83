import numpy as np
import math

TARGET_SPEED = 2.0    # m/s, forward
W_SPEED = 2.0         # pay at exactly the target speed (main term)
SPEED_FLOOR = -2.0    # lower bound of the speed term
W_UPRIGHT = 0.5       # penalty of lying on the back
W_EFFORT = 0.05       # action penalty


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    off = abs(next_state.x_velocity - TARGET_SPEED)               # m/s away from the goal
    speed = W_SPEED * (1.0 - off / TARGET_SPEED)

    overturned = 0.5 * (1.0 - float(next_state.torso_up_axis[2]))  # 0 level .. 1 on its back
    overturned = min(max(overturned, 0.0), 1.0)

    # the right speed is paid only as far as the torso is the right way up; losses count in any posture
    if speed > 0.0:
        speed = speed * (1.0 - overturned)

    return {
        "speed": float(max(speed, SPEED_FLOOR)),
        "upright": float(-W_UPRIGHT * overturned),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
