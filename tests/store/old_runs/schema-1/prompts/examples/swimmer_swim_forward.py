# task: gym/swimmer_swim_forward
# goal: Make the swimmer swim forward, along +x, as fast as it can.
# environment: Swimmer-v5
import numpy as np

SPEED_WEIGHT = 10.0  # a good stroke makes only about 0.1 m/s
HEADING_WEIGHT = 0.1
EFFORT_WEIGHT = 1e-3


def compute_reward(state, action, next_state):
    """Distance covered along +x by this step, as a speed; a slight pull to keep pointing that way."""
    speed = SPEED_WEIGHT * next_state.x_velocity
    heading = HEADING_WEIGHT * np.cos(next_state.heading_angle)
    effort = -EFFORT_WEIGHT * np.sum(np.square(action))
    return {"speed": speed, "heading": heading, "effort": effort}
