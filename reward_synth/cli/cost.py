"""``cost``: the money and time that runs took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reward_synth.cli import options
from reward_synth.cli.ls import openable_runs
from reward_synth.cli.text import one_line, print_json, print_table
from reward_synth.core.number_format import total

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.store import CostLine

_COST_KEYS = ("of", "calls", "cached", "prompt_tokens", "completion_tokens", "usd", "seconds")


def cost(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="As for the other commands; all runs if not given.")
    ] = None,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """Model calls, tokens and dollars, with requests that were given up; training steps and processor time."""
    from reward_synth.store import given_up_in_words

    if run is None:
        runs = [item for _, item in openable_runs(options.runs_folder(runs_dir))]
        rows = [_cost_row(item.id, item.costs) | {"usd": item.cost} for item in runs]
        training, given_up = None, [line for item in runs for line in item.store.given_up()]
    else:
        one = options.open_run(run, runs_dir)
        roles = dict.fromkeys(line.role for line in one.costs)
        rows = [_cost_row(role, [line for line in one.costs if line.role == role]) for role in roles]
        rows.append(_cost_row("all", one.costs) | {"usd": one.cost})
        training, given_up = _training_cost(one), one.store.given_up()
        for text in one.store.damage():
            typer.echo(f"warning: {one_line(text)}", err=True)
    if json:
        known = {"calls": rows, "given_up": len(given_up)}
        print_json(known | {"training": training} if training else known)
        return
    header = ("of", "calls", "cached", "tokens in", "tokens out", "usd", "seconds")
    print_table(header, [[_shown(row[name]) for name in _COST_KEYS] for row in rows])
    if given_up:
        typer.echo(f"\n{given_up_in_words(given_up)}")
    if training:
        typer.echo(
            f"\ntrained {training['steps']:,} steps in {training['trainings']} trainings, "
            f"{training['cpu_hours']:.2f} processor hours"
        )


def _cost_row(of: str, lines: Sequence[CostLine]) -> dict[str, Any]:
    return {
        "of": of,
        "calls": len(lines),
        "cached": sum(line.cached for line in lines),
        "prompt_tokens": _sum(line.prompt_tokens for line in lines),
        "completion_tokens": _sum(line.completion_tokens for line in lines),
        "usd": _sum(line.usd for line in lines),
        "seconds": round(sum(line.seconds for line in lines), 1),
    }


def _sum(values: Iterable[float | None]) -> float | None:
    whole = total(values)
    return None if whole is None else int(whole) if float(whole).is_integer() else round(whole, 6)


def _training_cost(run: Run) -> dict[str, Any]:
    """The cost of all trainings, unfinished ones included; their processor time counts up to their last rung."""
    from reward_synth.training.job import read_progress
    from reward_synth.training.outcomes import RungEnd

    store = run.store
    steps: list[int] = []
    seconds: list[float] = []
    for candidate in run.candidates:
        for index in range(run.settings.seeds):
            # A training that continues another one counts from the end of that one.
            before = store.read_result(candidate.continues, index) if candidate.continues else None
            handed = before.steps if before else 0
            result, folder = store.read_result(candidate.id, index), store.train_dir(candidate.id, index)
            paused = None if result else RungEnd.read(folder)
            if (done := result.steps if result else read_progress(folder).step) > handed:
                steps.append(done - handed)
                seconds.append(ended.cpu_seconds if (ended := result or paused) else 0.0)
        final = store.read_final_results(candidate.id).values()
        steps += [each.steps for each in final]
        seconds += [each.cpu_seconds for each in final]
    for folder in store.preset_dirs():
        # The steps and seconds of the preset that won the race are counted with its candidate.
        if folder.name != run.task.training.preset and (raced := RungEnd.read(folder)) is not None:
            steps.append(raced.steps)
            seconds.append(raced.cpu_seconds)
    return {"trainings": len(steps), "steps": sum(steps), "cpu_hours": round(sum(seconds) / 3600, 4)}


def _shown(value: Any) -> str:
    return "unknown" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)
