"""The learners by name: PPO of stable-baselines3, SAC and TQC of sbx-rl."""
