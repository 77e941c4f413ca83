"""``train``: a policy for a reward file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.check import RewardFile, TaskName
from reward_synth.cli.text import print_json, warn_without_sandbox
from reward_synth.core.number_format import duration
from reward_synth.display.text import result_text


def train(
    file: RewardFile,
    task: TaskName,
    steps: Annotated[
        int | None, typer.Option(min=1000, metavar="NUMBER", help="Environment steps; the task's budget if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Seed of the training.")] = 0,
    learner: options.Learner = None,
    scale: options.Scale = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where policy and curves go.")] = None,
    log: options.Log = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    display: options.DisplayKind = None,
    json: options.Json = False,
) -> None:
    """Train a policy on any reward file. Exits with 1 if the reward cannot be trained or the training crashed."""
    from reward_synth.api.rewards import train_reward
    from reward_synth.display import make_display
    from reward_synth.settings.sources import load_settings

    settings = load_settings({"display": display, "learner": learner, "scale": scale, "log": log}).settings
    kind = settings.display
    # For a single training, plain lines show as much as the live screen.
    shown = make_display("none" if json or kind in ("json", "none") else "plain")
    warn_without_sandbox(unsafe_no_sandbox)
    result, folder = train_reward(
        file,
        task,
        steps=steps,
        seed=seed,
        learner=settings.learner,
        scale=settings.scale,
        out=out,
        log=settings.log,
        display=shown,
        unsafe_no_sandbox=unsafe_no_sandbox,
    )
    if json:
        figures = {"success": result.success, "fitness": result.fitness, "folder": str(folder)}
        print_json(result.model_dump(mode="json", exclude={"terms", "evaluations", "episodes"}) | figures)
    else:
        reason = f": {result.reason}" if result.reason else ""
        typer.echo(f"{result.status}{reason}", err=True)
        figures_text = result_text(result.success, result.fitness)
        typer.echo(f"{figures_text}, {result.steps:,} steps in {duration(result.seconds)}", err=True)
        if result.dense_sums is not None:
            low, high = result.dense_sums
            text = f"dense terms summed to between {low:+.1f} and {high:+.1f} over an episode; a success is worth 1"
            typer.echo(text, err=True)
        typer.echo(str(folder / "policy.npz" if result.status == "trained" else folder))
    if result.status != "trained":
        raise typer.Exit(1)
