"""``diff``: how two candidates differ."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import coloured
from reward_synth.display.text import printable


def diff(
    run: options.RunName,
    first: Annotated[str, typer.Argument(metavar="A", help="A candidate.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    runs_dir: options.RunsDir = None,
) -> None:
    """How two candidates' rewards differ."""
    store = options.open_run(run, runs_dir).store
    before, after = (store.read_reward(name).splitlines() for name in (first, second))
    for line in difflib.unified_diff(before, after, f"{first}/reward.py", f"{second}/reward.py", lineterm=""):
        colour = {"+": typer.colors.GREEN, "-": typer.colors.RED, "@": typer.colors.CYAN}.get(line[:1])
        text = printable(line)
        typer.echo(typer.style(text, fg=colour) if colour and coloured() else text)
