"""Simulators: their common interface, and for each one a folder with its adapter and field tables."""

from __future__ import annotations

from reward_synth.simulators.open import open_by_id, open_environment
from reward_synth.simulators.registry import (
    DEFAULT_SIMULATOR,
    describe_environment,
    environments,
    get_simulator,
    simulator_names,
    simulator_of,
)

__all__ = [
    "DEFAULT_SIMULATOR",
    "describe_environment",
    "environments",
    "get_simulator",
    "open_by_id",
    "open_environment",
    "simulator_names",
    "simulator_of",
]
