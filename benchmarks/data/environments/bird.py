"""Flappy Bird with twelve numbers instead of rays: `--env ./bird.py:bird`."""

import flappy_bird_gymnasium  # noqa: F401  (registers the environment)
import gymnasium


def bird():
    """The next pipes, and the bird's height, speed and angle."""
    return gymnasium.make("FlappyBird-v0", use_lidar=False)
