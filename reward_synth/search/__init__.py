"""Which candidates to train, and where."""
