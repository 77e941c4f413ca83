"""Training policies: job files, presets, learners, the training loop, and the worker's processes."""
