"""``doctor``: check this machine and the lock on generated code, or the files of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import one_line, print_json
from reward_synth.core.errors import RewardSynthError


def doctor(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run whose files are looked at instead.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make again what can be, and set aside what cannot be read.")
    ] = False,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """Look at this machine, and attack the lock on generated code; or look at a run. Exits with 2 if something must be
    mended first.
    """
    from reward_synth.api.doctor import examine
    from reward_synth.api.run_doctor import examine_run
    from reward_synth.store import find_run

    if repair and run is None:
        raise RewardSynthError("--repair is for the files of a run", "name it: reward-synth doctor RUN --repair")
    found = []
    for diagnosis in examine() if run is None else examine_run(find_run(options.runs_folder(runs_dir), run), repair):
        found.append(diagnosis)
        if not json:
            hint = f"\n{'':9}hint: {diagnosis.hint}" if diagnosis.hint else ""
            typer.echo(f"{diagnosis.state:8} {one_line(diagnosis.name)}: {one_line(diagnosis.text)}{hint}")
    if json:
        print_json([diagnosis.model_dump(mode="json") for diagnosis in found])
    if any(diagnosis.state == "fault" for diagnosis in found):
        raise typer.Exit(2)
