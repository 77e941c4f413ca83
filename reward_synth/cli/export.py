"""``export``: a reward as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import tell
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.waiting import SLOW_TO_OPEN, told_if_long
from reward_synth.display.text import printable


def export(
    run: options.RunName = "latest",
    candidate: options.CandidateName = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; stdout if not given.")] = None,
    train: Annotated[
        bool, typer.Option("--train", help="The file also trains a policy, with stable-baselines3, and judges it.")
    ] = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """A reward with its gymnasium wrapper as one file that runs without this package (Crafter's worlds need it)."""
    found = options.open_run(run, runs_dir)
    with told_if_long(tell, SLOW_TO_OPEN):
        text = found.export(candidate, train=train)
    if warning := found.edits().get(candidate or found.info.best or ""):
        typer.echo(printable(f"warning: {warning}"), err=True)
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        raise RewardSynthError(f"{out} exists already", "choose another name, or remove it first")
    from reward_synth.core.files import write_text

    write_text(out, text)
    typer.echo(str(out))
