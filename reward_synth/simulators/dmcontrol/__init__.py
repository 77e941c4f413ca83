"""DeepMind's control suite. Needs the extra ``dmcontrol``."""
