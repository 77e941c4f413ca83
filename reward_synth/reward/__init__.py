"""The reward contract: its rules, the lint, and how reward code is compiled and run in batches."""
