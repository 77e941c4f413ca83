"""The learners by name: PPO, SAC and TQC on stable-baselines3, with updates in numpy."""
