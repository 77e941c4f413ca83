# task: gym/inverted_pendulum_balance
# goal: Balance the pole upright on the cart for the whole episode.
# environment: InvertedPendulum-v5
import numpy as np

UPRIGHT_TEMPERATURE = 0.01  # rad^2: the episode ends at about 0.2 rad
CENTRE_WEIGHT = 0.2
CALM_WEIGHT = 0.05


def compute_reward(state, action, next_state):
    """Falling ends the episode, so a positive term for being upright makes every further step worth having."""
    upright = np.exp(-(next_state.pole_angle**2) / UPRIGHT_TEMPERATURE)
    centred = -CENTRE_WEIGHT * next_state.cart_position**2
    calm = -CALM_WEIGHT * np.tanh(abs(next_state.pole_angular_velocity))
    return {"upright": upright, "centred": centred, "calm": calm}
