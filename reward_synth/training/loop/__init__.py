"""Learning on one generated reward: the environments, the callback that evaluates, checkpoints."""
