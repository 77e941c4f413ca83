# task: gym/hopper_hop_forward
# goal: Make the hopper hop forward as far as it can without falling.
# environment: Hopper-v5
import numpy as np

SPEED_WEIGHT = 1.0  # about 2 a step at a good hopping speed
UPRIGHT_WEIGHT = 0.6  # pays for staying up, less than hopping does
UPRIGHT_TEMPERATURE = 0.1  # rad^2
HEIGHT_WEIGHT = 0.4
TALL = 1.2  # m, height of the torso when the leg is nearly straight
EFFORT_WEIGHT = 0.005


def compute_reward(state, action, next_state):
    """Falling ends the episode, so posture pays a little; the speed along +x pays most."""
    speed = SPEED_WEIGHT * next_state.x_velocity
    upright = UPRIGHT_WEIGHT * np.exp(-(next_state.torso_pitch**2) / UPRIGHT_TEMPERATURE)
    tall = HEIGHT_WEIGHT * np.clip(next_state.torso_height / TALL, 0.0, 1.0)
    effort = -EFFORT_WEIGHT * np.sum(np.square(action))
    return {"speed": speed, "upright": upright, "tall": tall, "effort": effort}
