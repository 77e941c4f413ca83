# A package that comes with Crafter, opensimplex, installs its own `tests`. Without this file that one would be found.
