"""The search: which rewards are designed, which are trained, and when it ends."""
