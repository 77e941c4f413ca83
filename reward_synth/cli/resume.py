"""``resume``: continue a run."""

from __future__ import annotations

import typer

from reward_synth.cli import options
from reward_synth.cli.attended import console_ask, console_confirm, finish, resumable
from reward_synth.settings.declarations import RESUMABLE


@options.with_settings(RESUMABLE)
def resume(
    *,
    run: options.RunName,
    env: options.EnvFile = None,
    given: options.Given,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """Go on with a run: do what is missing. Limits may be raised."""
    found = options.open_run(run, runs_dir)
    changes = options.overrides({"env": env, **given}, json=json)
    with resumable() as made:
        made(found)
        found.resume_with(changes, flags=True, ask=console_ask(), confirm=console_confirm())
    if found.status == "solved" and "iterations" in changes and not found.settings.keep_going:
        typer.echo("The run is solved, so no iteration was added; --keep-going goes on, with what you said.", err=True)
    finish(found)
