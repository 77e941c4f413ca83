"""A reward for ball_on_beam.yaml, as a person would write it."""

CENTRE = 1.0
SPEED = 0.1
TILT = 0.1


def compute_reward(state, action, next_state):
    """Near the middle, slow, on a level beam."""
    return {
        "centre": CENTRE * (1.0 - abs(next_state.ball_position) / 0.5),
        "speed": -SPEED * abs(next_state.ball_speed),
        "tilt": -TILT * abs(next_state.beam_angle),
    }
