"""Exports a reward: as one stand-alone file, or as a wrapper of an environment."""
