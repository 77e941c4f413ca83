"""A run as plots and as one page."""
