"""Crafter: a world to survive in. Needs the extra ``crafter``."""
