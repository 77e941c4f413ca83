"""A run as pictures and as one page."""
