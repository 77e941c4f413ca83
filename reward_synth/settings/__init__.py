"""The settings, the origin of each value, and which source takes precedence."""
