"""The suite's tasks in words, and the key fields of their bodies. Needs nothing installed."""

from __future__ import annotations

from reward_synth.core.data import read_data
from reward_synth.simulators.data import KnownEnvironment
from reward_synth.simulators.gym.annotations import Annotation

TASKS = read_data(__file__, "tasks.json", dict[str, KnownEnvironment])
"""Environment id → task."""
DOMAINS = read_data(__file__, "fields.json", dict[str, Annotation])
"""Body → readable names of its joints, and its key fields."""
