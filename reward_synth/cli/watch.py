"""``watch``: follow a run that another process makes, as if it ran in this terminal."""

from __future__ import annotations

import time
from contextlib import closing

import typer

from reward_synth.cli import options
from reward_synth.cli.attended import finish

POLL_SECONDS = 0.5


def watch(
    run: options.RunName = "latest", display: options.DisplayKind = None, runs_dir: options.RunsDir = None
) -> None:
    """Follow a run that another process makes. Ctrl-C leaves it running."""
    from reward_synth.display import make_display
    from reward_synth.events.model import read_event
    from reward_synth.settings.sources import load_settings

    found = options.open_run(run, runs_dir)
    kind = load_settings({"display": display}).settings.display
    # What has happened already is shown with the times at which it happened.
    moment, offset = found.info.created.timestamp(), 0
    with closing(make_display(kind, clock=lambda: moment)) as shown:
        while True:
            working = found.store.is_locked()
            records, offset = found.store.events_since(offset)
            for record in records:
                if (told := read_event(record)) is not None:
                    moment, event = told
                    shown(event)
            if not working:
                break
            moment = time.time()
            time.sleep(POLL_SECONDS)
    if found.status == "interrupted":
        typer.echo("no process works on this run", err=True)
    finish(found)
