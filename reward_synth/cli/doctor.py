"""``doctor``: check this machine and the lock on generated code."""

from __future__ import annotations

import typer

from reward_synth.cli.options import Json
from reward_synth.cli.text import print_json
from reward_synth.display.text import printable


def doctor(json: Json = False) -> None:
    """Look at this machine, and attack the lock on generated code. Exits with 2 if something must be mended first."""
    from reward_synth.api.doctor import examine

    found = []
    for diagnosis in examine():
        found.append(diagnosis)
        if not json:
            hint = f"\n{'':9}hint: {diagnosis.hint}" if diagnosis.hint else ""
            typer.echo(f"{diagnosis.state:8} {printable(diagnosis.name)}: {printable(diagnosis.text)}{hint}")
    if json:
        print_json([diagnosis.model_dump(mode="json") for diagnosis in found])
    if any(diagnosis.state == "fault" for diagnosis in found):
        raise typer.Exit(2)
