"""Rewards of one transition, turned into rewards of a whole batch: :mod:`form` does it, :mod:`checked` uses it.

Everything here runs in the locked reward process.
"""
