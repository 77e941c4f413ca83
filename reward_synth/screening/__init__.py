"""Checks a reward before it is trained: the probe, and how it ranks reference episodes."""
