"""Environments of people's own."""
