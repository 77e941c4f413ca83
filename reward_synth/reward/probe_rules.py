"""Rules about code that runs: those that the probe checks, and those that only later stages can check."""

from __future__ import annotations

from reward_synth.reward.rules import declared

CALLS = declared("probe", "calls")
"""Rules about every call on recorded and sampled transitions."""
TERMS = declared("probe", "terms")
"""Rules about the values on recorded transitions."""
TASK = declared("probe", "task")
"""Rules about whether a working reward fits its task."""
PROBE = CALLS | TERMS | TASK | declared("probe", "later")
"""All of them. The probe does not check the last group; training and measures drafted by a model can break it."""
