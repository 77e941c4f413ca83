"""Audits of rewards that somebody already has: an environment's own, or that of a finished training."""
