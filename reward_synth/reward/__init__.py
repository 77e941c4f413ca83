"""The reward contract: lint, probe and the process that runs rewards."""
