"""Gymnasium's environments, on MuJoCo and others."""
