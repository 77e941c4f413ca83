"""``init``: a folder to begin in."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Made if it does not exist; here if not given.")
    ] = (Path()),
) -> None:
    """Write commented settings, an example task and a reward to start from. Nothing is overwritten."""
    from reward_synth.api.begin import NEXT, begin

    for path in begin(folder):
        typer.echo(str(path))
    typer.echo("\nType next:", err=True)
    if folder != Path():
        typer.echo(f"  cd {shlex.quote(str(folder))}", err=True)
    program = Path(sys.argv[0]).resolve()
    for command, purpose in NEXT.items():
        if shutil.which("reward-synth") is None and program.name == "reward-synth":
            command = command.replace("reward-synth", shlex.quote(str(program)), 1)
        typer.echo(f"  {command:<58}  # {purpose}", err=True)
