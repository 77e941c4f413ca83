"""``feedback``: answer a run's question, or give it advice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.attended import console_ask
from reward_synth.cli.text import print_json, resume_command, tell
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.number_format import plural
from reward_synth.core.waiting import SLOW_TO_OPEN, told_if_long

if TYPE_CHECKING:
    from reward_synth.api.run import Run


def feedback(
    run: options.RunName = "latest",
    prefer: Annotated[str | None, typer.Option(metavar="CANDIDATE", help="The one that you like best.")] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Your words; the next prompt holds them as they are.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Say that none of them is right.")] = False,
    edit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A reward that you wrote or changed; it is tried next.")
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            metavar="ORDER",
            help="Behaviours, best first, as in `002-a > 001-c, 001-b`: candidates, or ids of recorded episodes.",
        ),
    ] = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="End the run with --prefer, or the best one, as its result.")
    ] = False,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """Answer a run's open question, or give it advice. Without options it asks you."""
    from reward_synth.search.feedback import answer_from_options, latest_request

    found = options.open_run(run, runs_dir)
    if prefer or note or reject or edit or accept or order:
        answer = answer_from_options(
            found.store, prefer=prefer, note=note, reject=reject, edit=edit, accept=accept, order=order
        )
    else:
        ask = console_ask()
        if ask is None:
            raise RewardSynthError(
                "there is no terminal to ask you at",
                "answer with --prefer, --note, --order, --reject, --edit or --accept",
            )
        said = ask(latest_request(found.store))
        if said is None or said.action in ("skip", "stop"):
            typer.echo("nothing was recorded", err=True)
            return
        answer = said
    path = found.answer(answer)
    if json:
        print_json({"answer": str(path)} | answer.model_dump(mode="json"))
    typer.echo(f"recorded in {path}", err=True)
    for number, rank in enumerate(answer.order or (), start=1):
        sources = Counter(name.partition("/")[0] for name in rank)
        told = ", ".join(f"{count} of {source}" for source, count in sources.items())
        typer.echo(f"rank {number}: {plural(len(rank), 'recorded episode')} ({told})", err=True)
    if not found.store.is_locked():
        if answer.order or answer.pairs:
            _tell_agreements(found)
        typer.echo(f"Continue with: {resume_command(found)}", err=True)


def _tell_agreements(run: Run) -> None:
    """How well each trained reward and the measure agree with the person. The answer is recorded, whatever fails."""
    try:
        with told_if_long(tell, SLOW_TO_OPEN):
            agreements = run.judge()
    except RewardSynthError as error:
        typer.echo(f"how well the rewards agree with you is not known here: {error.message}", err=True)
        return
    for name, agreed in agreements.candidates.items() if agreements else ():
        typer.echo(f"{name} agrees with you: {agreed.as_text() if agreed else 'unknown'}", err=True)
    if agreements:
        typer.echo(agreements.warning or agreements.measure_text, err=True)
