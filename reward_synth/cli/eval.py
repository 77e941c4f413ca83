"""``eval``: judge a reward on seeds that the search never used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import environment_argument, print_json, print_table, run_argument, warn_without_sandbox
from reward_synth.core import interruption
from reward_synth.core.number_format import short_number, short_percent
from reward_synth.display.text import evaluation_lines

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.core.evaluation import Evaluation


def eval(
    run: options.RunName = "latest",
    candidate: options.CandidateName = None,
    env: options.EnvFile = None,
    seeds: Annotated[
        int,
        typer.Option(min=1, max=64, metavar="NUMBER", help="Policies there shall be, those that are done included."),
    ] = 5,
    steps: Annotated[
        int | None, typer.Option(min=1000, metavar="NUMBER", help="Environment steps of each; the run's if not given.")
    ] = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    jobs: options.Jobs = None,
    executor: options.Executor = None,
    log: options.Log = None,
    display: options.DisplayKind = None,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """Train a reward from scratch on fresh seeds and judge the policies, with 95 % intervals.

    Finished seeds are not repeated: the same command goes on after an interruption, and a higher `--seeds` adds the
    rest. Exits with 1 if it was stopped, or all trainings crashed.
    """
    from reward_synth.api.run import Run
    from reward_synth.display import make_display
    from reward_synth.settings.sources import load_settings

    chosen = {"jobs": jobs, "executor": executor, "log": log}
    resolved = load_settings(options.overrides({**chosen, "display": display, "runs_dir": runs_dir}, json=json))
    settings = resolved.settings
    found = Run.open(run, settings.runs_dir)
    found.name_environment(env)
    warn_without_sandbox(unsafe_no_sandbox)
    # As for `train`, lines are enough; `json` is one document at the end.
    shown = make_display("none" if settings.display in ("json", "none") else "plain")
    command = _command(found, candidate, {"seeds": seeds, "steps": steps, **chosen})
    try:
        with interruption.heeded():
            evaluation = found.evaluate(
                candidate, seeds, steps, jobs=settings.jobs,
                # The run's own ones, unless others were given.
                executor=None if resolved.origins["executor"] == "default" else settings.executor,
                log=None if resolved.origins["log"] == "default" else settings.log,
                display=shown, unsafe_no_sandbox=unsafe_no_sandbox,
            )  # fmt: skip
    except KeyboardInterrupt:
        typer.echo(f"Continue with: {command}", err=True)
        raise
    if settings.display == "json":
        print_json(evaluation.model_dump(mode="json") | {"done": evaluation.done})
    else:
        _print(evaluation, found.task.fitness_unit)
        typer.echo(str(found.store.final_dir(evaluation.candidate)), err=True)
    if not evaluation.done:
        typer.echo(f"Continue with: {command}", err=True)
    if not evaluation.done or all(score.status == "crashed" for score in evaluation.seeds):
        raise typer.Exit(1)


def _print(evaluation: Evaluation, unit: str) -> None:
    header = ("seed", "status", "success", "fitness", "solved", "steps", "cpu s", "reason")
    rows = [
        (
            str(score.index),
            score.status,
            short_percent(score.success),
            short_number(score.fitness),
            "yes" if score.solved else "no",
            f"{score.steps:,}",
            f"{score.cpu_seconds:.0f}",
            score.reason,
        )
        for score in evaluation.seeds
    ]
    if rows:
        print_table(header, rows)
        typer.echo("")
    typer.echo(f"final training of {evaluation.candidate}")
    for line in evaluation_lines(evaluation, unit):
        typer.echo(f"  {line}")


def _command(run: Run, candidate: str | None, typed: Mapping[str, int | str | None]) -> str:
    """The command that continues the evaluation."""
    words = ["reward-synth eval", run_argument(run), candidate, environment_argument(run)]
    words += [f"--{name} {value}" for name, value in typed.items() if value]
    return " ".join(filter(None, words))
