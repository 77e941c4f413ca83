"""``audit``: attack and judge a reward that somebody already has, without a search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import print_json, print_table, tell, warn_without_sandbox
from reward_synth.core.number_format import number
from reward_synth.core.waiting import SLOW_ENVIRONMENT, told_if_long
from reward_synth.display.text import printable

if TYPE_CHECKING:
    from reward_synth.audit.record import Audit

RewardFile = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A reward file, with --task. None: what the environment pays.")
]
TaskName = Annotated[
    str | None, typer.Option("--task", metavar="NAME|FILE", help="The task whose success and fitness judge.")
]
Environment = Annotated[
    str | None, typer.Option("--env", metavar="ID", help="The environment whose own reward is audited.")
]


def audit(
    file: RewardFile = None,
    task: TaskName = None,
    env: Environment = None,
    model: Annotated[Path | None, typer.Option(metavar="ZIP", help="A model of stable-baselines3.")] = None,
    vecnormalize: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The VecNormalize that was saved beside it.")
    ] = None,
    monitor: Annotated[Path | None, typer.Option(metavar="CSV", help="The monitor.csv of a training.")] = None,
    plan_seconds: Annotated[
        float, typer.Option(help="CPU seconds in which a planner looks for what the reward pays most.")
    ] = 20.0,
    discount: Annotated[float | None, typer.Option(help="The learner's, per step.", show_default=False)] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write it as a page, too.")] = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    json: options.Json = False,
) -> None:
    """Attack a reward that you have already. Exits with 0 if clean, 1 with findings, 2 if it cannot run."""
    from reward_synth.api.audit import audit_reward

    warn_without_sandbox(unsafe_no_sandbox)
    with told_if_long(tell, f"{SLOW_ENVIRONMENT}; and a planner has {plan_seconds:g} CPU seconds"):
        found = audit_reward(
            file,
            task,
            env=env,
            model=model,
            vecnormalize=vecnormalize,
            monitor=monitor,
            plan_seconds=plan_seconds,
            discount=discount,
            page=page,
            unsafe_no_sandbox=unsafe_no_sandbox,
        )
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)
    if found.findings:
        raise typer.Exit(1)


def _print(found: Audit) -> None:
    """Findings and table on stdout, what is around them on stderr."""
    for finding in found.findings:
        fix = f" Fix: {finding.fix}" if finding.fix else ""
        typer.echo(printable(f"{found.subject}: {finding.severity} [{finding.rule}] {finding.message}{fix}"))
    if not found.findings:
        typer.echo(printable(f"{found.subject}: no findings"), err=True)
    names = list(dict.fromkeys(name for row in found.rows for name in row.terms))
    rows = [
        (
            row.behaviour,
            "–" if row.success is None else "yes" if row.success else "no",
            "–" if row.steps is None else str(row.steps),
            *map(number, (row.discounted, row.total, row.mean, row.fitness)),
            *[number(row.terms.get(name)) for name in names],
        )
        for row in found.rows
    ]
    header = ("behaviour", "goal", "steps", "discounted sum", "sum", "mean per step", "fitness")
    print_table((*header, *[f"{name}/s" for name in names]), rows)
    told = [f"a learner maximises {found.maximises}", *found.notes]
    told += [found.planned.as_text()] if found.planned else []
    told.append(
        f"success is judged by {found.measure}" if found.measure else "nothing says whether the goal is reached"
    )
    groups: dict[str, list[str]] = {}
    for rule, said in found.silent.items():
        groups.setdefault(said, []).append(rule.partition("/")[2])
    told += [f"{said}: {', '.join(rules)}" for said, rules in groups.items()]
    for line in told:
        typer.echo(printable(line), err=True)
