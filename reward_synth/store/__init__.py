"""The run folder: only this package knows the names of its files."""

from __future__ import annotations

from reward_synth.store.journal import CostLine, given_up_in_words
from reward_synth.store.manifest import RunInfo, find_run, list_runs
from reward_synth.store.run_store import RunStore

__all__ = ["CostLine", "RunInfo", "RunStore", "find_run", "given_up_in_words", "list_runs"]
