# task: gym/reacher_reach
# goal: Make the reacher bring its fingertip to the target and hold it there.
# environment: Reacher-v5
import numpy as np

APPROACH_WEIGHT = 5.0  # per metre of distance
NEAR_WEIGHT = 1.0
NEAR_TEMPERATURE = 0.02  # m: the last two centimetres, where the distance itself has become small
STILL_WEIGHT = 0.2
EFFORT_WEIGHT = 0.02


def compute_reward(state, action, next_state):
    """Distance far away, a sharp bonus close by, and stillness once there."""
    distance = next_state.fingertip_to_target_distance
    closeness = np.exp(-distance / NEAR_TEMPERATURE)
    speed = np.linalg.norm(next_state.fingertip_velocity)
    return {
        "approach": -APPROACH_WEIGHT * distance,
        "near": NEAR_WEIGHT * closeness,
        "still": -STILL_WEIGHT * closeness * np.tanh(speed),
        "effort": -EFFORT_WEIGHT * np.sum(np.square(action)),
    }
