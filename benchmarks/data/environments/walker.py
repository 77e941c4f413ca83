"""Evolution Gym's walker with a body of its own: `--env ./walker.py:walker`."""

import evogym.envs  # noqa: F401  (registers the environments)
import gymnasium
import numpy as np


def walker():
    """A soft robot of four by three voxels: two rows of muscle on two legs."""
    body = np.array([[3, 3, 3, 3], [4, 4, 4, 4], [3, 0, 0, 3]])
    return gymnasium.make("Walker-v0", body=body)
