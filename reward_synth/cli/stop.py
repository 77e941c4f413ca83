"""``stop``: end a run after the current step."""

from __future__ import annotations

import typer

from reward_synth.cli import options
from reward_synth.core.errors import RewardSynthError


def stop(run: options.RunName = "latest", runs_dir: options.RunsDir = None) -> None:
    """End a run politely, after the step in hand."""
    found = options.open_run(run, runs_dir)
    if not found.store.is_locked():
        raise RewardSynthError(f"no process is working on {found.id}", f"it is {found.status}; reward-synth ls")
    found.stop()
    typer.echo(f"{found.id} stops after the step in hand", err=True)
