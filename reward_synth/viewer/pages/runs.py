"""All runs of a folder."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response

from reward_synth.api.run import Run
from reward_synth.store import RunStore, list_runs
from reward_synth.viewer.pages.rendering import page

SHOWN = 200
"""Runs on one page; the search field reaches the others."""


def runs_page(runs_dir: Path, query: str) -> Response:
    """The newest runs, or the newest whose goal or name holds the query."""
    found = [info for info in list_runs(runs_dir) if query.lower() in f"{info.goal} {info.id}".lower()]
    opened = [(info, Run(RunStore(runs_dir / info.id))) for info in found[:SHOWN]]
    shown = [(info, run.status, run.seconds) for info, run in opened]
    return page("runs.html.j2", runs=shown, left_out=max(0, len(found) - SHOWN), query=query, folder=str(runs_dir))
