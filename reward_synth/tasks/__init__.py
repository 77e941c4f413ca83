"""Task specs: the goal, the environment, and the measures of success."""
