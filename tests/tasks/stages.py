"""The tasks on Gymnasium, each opened once for the tests of a module that hold its judge against episodes."""

from __future__ import annotations

from benchmarks.scripted_episodes import Stage
from reward_synth.tasks.spec import list_tasks

SPECS = {spec.short_name: spec for spec in list_tasks() if spec.simulator == "gym"}
OPENED: dict[str, Stage] = {}


def stage(name: str) -> Stage:
    if name not in OPENED:
        OPENED[name] = Stage(SPECS[name])
    return OPENED[name]


def close_all() -> None:
    """End what was opened."""
    for opened in OPENED.values():
        opened.close()
    OPENED.clear()
