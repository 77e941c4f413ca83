"""``ls``: the runs of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import one_line, print_json, print_table
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.number_format import short_percent

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.store import RunInfo


def ls(
    query: Annotated[str, typer.Option("-q", metavar="TEXT", help="Only runs whose goal or name holds this.")] = "",
    status: Annotated[str, typer.Option(metavar="STATUS", help="Only runs of this status.")] = "",
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """List runs, newest first."""
    folder = options.runs_folder(runs_dir)
    rows = []
    for info, run in openable_runs(folder):
        state = run.status
        if query.lower() in f"{info.goal} {info.id}".lower() and status in ("", state):
            rows.append((info, state))
    if json:
        print_json([info.model_dump(mode="json") | {"status": state} for info, state in rows])
    elif rows:
        print_table(
            ("run", "status", "success", "best", "goal"),
            [(info.id, state, short_percent(info.success), info.best or "", info.goal) for info, state in rows],
        )
    else:
        typer.echo(f"no runs in {folder}", err=True)


def openable_runs(folder: Path) -> Iterator[tuple[RunInfo, Run]]:
    """All runs of a folder, newest first. A run that cannot be opened is reported and left out."""
    from reward_synth.api.run import Run
    from reward_synth.store import list_runs

    passed_over: list[RewardSynthError] = []
    infos = list_runs(folder, passed_over)
    for each in passed_over:
        typer.echo(f"left out: {one_line(each.message)} ({one_line(each.hint)})", err=True)
    for info in infos:
        try:
            yield info, Run.open(folder / info.id)
        except RewardSynthError as error:
            typer.echo(f"left out: {one_line(error.message)}", err=True)
