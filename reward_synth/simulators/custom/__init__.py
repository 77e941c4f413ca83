"""Users' own environments."""
