"""``logs``: what happened in a run."""

from __future__ import annotations

import json as json_module
import time
from typing import Annotated, Any

import typer

from reward_synth.cli import options
from reward_synth.display.text import printable


def logs(
    run: options.RunName = "latest",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until the run ends.")] = False,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """What happened in a run, event by event."""
    store = options.open_run(run, runs_dir).store
    offset = 0
    while True:
        working = store.is_locked()
        events, offset = store.events_since(offset)
        for event in events:
            typer.echo(json_module.dumps(event, ensure_ascii=False) if json else _event_text(event))
        if not (follow and working):
            return
        time.sleep(0.5)


def _event_text(event: dict[str, Any]) -> str:
    facts = {name: value for name, value in event.items() if name not in ("time", "kind")}
    candidate = facts.get("candidate")
    if isinstance(candidate, dict):
        shown = ("status", "reason", "success", "fitness")
        facts |= {"candidate": candidate.get("id")} | {name: candidate.get(name) for name in shown}
    if isinstance(facts.get("findings"), list):
        facts["findings"] = len(facts["findings"]) or None
    plain = [f"{name}={value}" for name, value in facts.items() if value not in ("", None, [], {})]
    return printable(" ".join([str(event.get("time", "")), str(event.get("kind", "")), *plain]).replace("\n", " "))
