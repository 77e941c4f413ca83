"""Training and evaluating policies."""
