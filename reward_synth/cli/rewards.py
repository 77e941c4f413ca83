"""``check``, ``train``, ``export``: what one reward file is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.options import CandidateName, Json, RunName
from reward_synth.cli.text import print_json
from reward_synth.core.errors import RewardSynthError

RewardFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A file with compute_reward(state, action, next_state).")
]
TaskName = Annotated[str, typer.Option("--task", metavar="NAME|FILE", help="The task spec: `reward-synth tasks ls`.")]


def check(
    file: RewardFile,
    task: TaskName,
    only: Annotated[str | None, typer.Option(metavar="lint|probe", help="Only one of the two.")] = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = None,
    json: Json = False,
) -> None:
    """Lint and probe a reward file. Exits with 0 if clean, 1 with findings, 2 if it cannot run."""
    from reward_synth.api.rewards import check_reward
    from reward_synth.display.progress import printable

    if only not in (None, "lint", "probe"):
        raise RewardSynthError(f"--only {only} is not known", "use --only lint or --only probe, or neither for both")
    _warn(unsafe_no_sandbox)
    report = check_reward(
        file,
        task,
        only,  # type: ignore[arg-type]  # narrowed above
        unsafe_no_sandbox=bool(unsafe_no_sandbox),
    )
    if json:
        print_json(report.model_dump(mode="json") | {"ok": report.ok})
    else:
        for finding in report.findings:
            where = f"{file}:{finding.line}" if finding.line else str(file)
            fix = f" Fix: {finding.fix}" if finding.fix else ""
            typer.echo(printable(f"{where}: {finding.severity} [{finding.rule}] {finding.message}{fix}"))
        if not report.findings:
            terms = f"; terms: {', '.join(report.terms)}" if report.terms else ""
            typer.echo(f"{file}: clean{terms}", err=True)
        if report.alignment:
            typer.echo(printable(f"{file}: {report.alignment.as_text()}"), err=True)
    if report.findings:
        raise typer.Exit(1)


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
    unsafe_no_sandbox: options.UnsafeNoSandbox = None,
    display: options.DisplayKind = None,
    json: Json = False,
) -> None:
    """Train a policy on any reward file. Exits with 1 if the reward cannot be trained or the training crashed."""
    from reward_synth.api.rewards import train_reward
    from reward_synth.display import make_display
    from reward_synth.display.progress import duration, result_text
    from reward_synth.settings.model import load_settings

    settings = load_settings({"display": display, "learner": learner, "scale": scale}).settings
    kind = settings.display
    # A single training has nothing that the moving screen would show better than lines do.
    shown = make_display("none" if json or kind in ("json", "none") else "plain")
    _warn(unsafe_no_sandbox)
    result, folder = train_reward(
        file,
        task,
        steps=steps,
        seed=seed,
        learner=settings.learner,
        scale=settings.scale,
        out=out,
        display=shown,
        unsafe_no_sandbox=bool(unsafe_no_sandbox),
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


def _warn(unsafe_no_sandbox: bool | None) -> None:
    if unsafe_no_sandbox:
        from reward_synth.api.lifecycle import UNSAFE

        typer.echo(f"warning: {UNSAFE}", err=True)


def export(
    run: RunName = "latest",
    candidate: CandidateName = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; stdout if not given.")] = None,
    runs_dir: options.RunsDir = None,
) -> None:
    """A reward with its gymnasium wrapper as one file that runs without this package (Crafter's worlds need it)."""
    from reward_synth.api.run import Run

    text = Run.open(run, options.runs_folder(runs_dir)).export(candidate)
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        raise RewardSynthError(f"{out} exists already", "choose another name, or remove it first")
    from reward_synth.core.files import write_text

    write_text(out, text)
    typer.echo(str(out))
