"""The rules of code that runs: what the probe asks, and what training and drafted measures may still run into."""

from __future__ import annotations

from reward_synth.reward.rules import declared

CALLS = declared("probe", "calls")
"""Asked of every call on recorded and sampled transitions."""
TERMS = declared("probe", "terms")
"""Asked of the values on recorded transitions."""
TASK = declared("probe", "task")
"""Asked of a reward that runs, for its task."""
PROBE = CALLS | TERMS | TASK | declared("probe", "later")
"""All of them: the last ones are not asked by the probe, but of training and of a measure that a model drafted."""
