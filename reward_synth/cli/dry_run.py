"""``run --dry-run``: what would be done, and what it would cost."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from reward_synth.cli.text import print_json, print_settings, tell
from reward_synth.core.number_format import duration
from reward_synth.core.waiting import SLOW_TO_OPEN, told_if_long

if TYPE_CHECKING:
    from reward_synth.preparation.forecast import Plan, Range
    from reward_synth.settings.origins import Resolved


def print_plan(goal: str, resolved: Resolved, as_json: bool) -> None:
    """Check the prerequisites, make the forecast, and print everything on stdout."""
    from reward_synth.methods.registry import with_method
    from reward_synth.preparation.forecast import make_plan
    from reward_synth.preparation.prepare import check_prerequisites, refuse_unnamed_file

    refuse_unnamed_file(resolved)
    resolved = with_method(resolved)
    settings = resolved.settings
    with nullcontext() if settings.display == "none" else told_if_long(tell, SLOW_TO_OPEN):
        task = check_prerequisites(goal, settings)
        plan = make_plan(goal, settings, task)
    if task is not None:
        resolved = resolved.with_task_steps(task.training.steps, task.name)
    values = resolved.settings.model_dump(mode="json")
    if as_json:
        data = asdict(plan) | {"task": task.model_dump(mode="json") if task else None}
        print_json(data | {"settings": values, "origins": resolved.origins})
        return
    print_settings(values, resolved.origins)
    typer.echo("")
    if plan.prompt is not None:
        typer.echo(f"first prompt to the designer\n{'-' * 28}\n{plan.prompt.rstrip()}\n{'-' * 28}\n")
    for line in _forecast(plan):
        typer.echo(line)


def _forecast(plan: Plan) -> list[str]:
    models = ", ".join(f"{role} {name}" for role, name in plan.models.items())
    lines = [f"models              {models}", f"model calls         {_between(plan.calls)}"]
    if plan.task is None or plan.tokens is None or plan.steps is None or plan.seconds is None:
        return [
            *lines,
            "task                none fits this goal: a model would choose the environment or draft success and",
            "                    fitness, and you would be asked; name a task or an environment for a forecast",
        ]
    lines.append(f"tokens, about       {_between(plan.tokens)}")
    lines.append(f"price of the models {_price(plan)}")
    lines.append(f"task                {plan.task.name} on {plan.task.environment.id}")
    lines.append(f"environment steps   {_between(plan.steps)}")
    times = f"{duration(plan.seconds.low)} to {duration(plan.seconds.high)}"
    lines.append(f"training, about     {times} with the jobs side by side")
    return [*lines, "The first figure holds if the first reward solves the task and nothing needs a repair."]


def _price(plan: Plan) -> str:
    if plan.usd is None:
        return "unknown price (so --budget would be refused)"
    if plan.usd.high == 0:
        return "free, runs here"
    return f"about ${plan.usd.low:.2f} to ${plan.usd.high:.2f}"


def _between(value: Range) -> str:
    return f"{value.low:,.0f} to {value.high:,.0f}" if value.high > value.low else f"{value.low:,.0f}"
