"""Shows a run as plots and as a single page."""
