# task: gym/half_cheetah_run_forward
# goal: Make the half-cheetah run forward, as fast as it can.
# environment: HalfCheetah-v5
import numpy as np

EFFORT_WEIGHT = 0.1  # small beside a running speed of several m/s
PITCH_WEIGHT = 0.3  # discourages running on the back, cheap enough not to slow the gallop


def compute_reward(state, action, next_state):
    """Forward is +x, so the speed itself pays; nothing else may outgrow it."""
    speed = next_state.x_velocity
    level = -PITCH_WEIGHT * (1.0 - np.cos(next_state.torso_pitch))
    effort = -EFFORT_WEIGHT * np.sum(np.square(action))
    return {"speed": speed, "level": level, "effort": effort}
