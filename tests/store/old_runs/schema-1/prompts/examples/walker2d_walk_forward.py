# task: gym/walker2d_walk_forward
# goal: Make the walker walk forward at 1 m/s or faster without falling.
# environment: Walker2d-v5
import numpy as np

PROGRESS_WEIGHT = 1.5
WALKING_SPEED = 1.0  # m/s, asked for by the goal: beyond it, more speed earns little
UPRIGHT_WEIGHT = 0.5
UPRIGHT_TEMPERATURE = 0.15  # rad^2
STEP_WEIGHT = 0.2
EFFORT_WEIGHT = 0.01


def compute_reward(state, action, next_state):
    """Walk along +x at the speed asked for, upright, with one foot in the air at a time."""
    speed = next_state.x_velocity
    progress = PROGRESS_WEIGHT * (min(speed, WALKING_SPEED) + 0.1 * max(speed - WALKING_SPEED, 0.0))
    upright = UPRIGHT_WEIGHT * np.exp(-(next_state.torso_pitch**2) / UPRIGHT_TEMPERATURE)
    # Paid in proportion to the speed, so that standing on one leg earns nothing.
    one_foot = abs(next_state.right_foot_contact - next_state.left_foot_contact)
    stepping = STEP_WEIGHT * one_foot * np.clip(speed / WALKING_SPEED, 0.0, 1.0)
    effort = -EFFORT_WEIGHT * np.sum(np.square(action))
    return {"progress": progress, "upright": upright, "stepping": stepping, "effort": effort}
