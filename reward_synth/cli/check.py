"""``check``: lint and probe a reward file."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import print_json, print_pay, tell, warn_without_sandbox
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.waiting import told_if_long
from reward_synth.display.text import printable

RewardFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A file with compute_reward(state, action, next_state).")
]
TaskName = Annotated[str, typer.Option("--task", metavar="NAME|FILE", help="The task spec: `reward-synth tasks ls`.")]


NO_RANK = {
    "not enough data": "fitness is the same in all recorded behaviours",
    "not applicable": "its mean per step is the same in all recorded behaviours",
}


def check(
    file: RewardFile,
    task: TaskName,
    only: Annotated[str | None, typer.Option(metavar="lint|probe", help="Only one of the two.")] = None,
    plan_seconds: Annotated[
        float, typer.Option(help="CPU seconds in which a planner looks for what the reward pays most.")
    ] = 0.0,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    json: options.Json = False,
) -> None:
    """Lint and probe a reward file. Exits with 0 if clean, 1 with findings, 2 if it cannot run."""
    from reward_synth.api.rewards import check_reward

    if only not in (None, "lint", "probe"):
        raise RewardSynthError(f"--only {only} is not known", "use --only lint or --only probe, or neither for both")
    warn_without_sandbox(unsafe_no_sandbox)
    # `only` was checked above, which mypy does not see.
    with nullcontext() if plan_seconds else told_if_long(tell):  # Who plans has said for how long.
        report = check_reward(
            file,
            task,
            only,  # type: ignore[arg-type]
            plan_seconds=plan_seconds,
            unsafe_no_sandbox=unsafe_no_sandbox,
        )
    if json:
        print_json(report.model_dump(mode="json") | {"ok": report.ok})
    else:
        for finding in report.findings:
            where = f"{file}:{finding.line}" if finding.line else str(file)
            fix = f" Fix: {finding.fix}" if finding.fix else ""
            typer.echo(printable(f"{where}: {finding.severity} [{finding.rule}] {finding.message}{fix}"))
        if any(finding.rule == "unknown-field" for finding in report.findings):
            typer.echo(f"all fields: reward-synth tasks fields {shlex.quote(task)}", err=True)
        if not report.findings:
            terms = f"; terms: {', '.join(report.terms)}" if report.terms else ""
            typer.echo(f"{file}: clean{terms}", err=True)
        if report.alignment:
            typer.echo(printable(f"{file}: {report.alignment.as_text()}"), err=True)
        elif why := NO_RANK.get(report.verdicts.get("screen/misaligned", "")):
            typer.echo(f"{file}: it has no rank: {why}", err=True)
        print_pay(report)
    if report.findings:
        raise typer.Exit(1)
