"""What a person can set, where each value came from, and which source wins."""
