"""Trainings as actors of a Ray cluster."""
