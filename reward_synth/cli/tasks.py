"""``tasks``: the shipped tasks, the fields of any environment, and how to write a task of your own."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from reward_synth.cli import options
from reward_synth.cli.text import print_json, print_table, read_line, said_yes, tell
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.waiting import SLOW_TO_OPEN, told_if_long
from reward_synth.display.text import printable

if TYPE_CHECKING:
    from reward_synth.preparation.preflight import PreparedTask
    from reward_synth.preparation.write_task import Question

_Text = str | None

TaskName = Annotated[str, Argument(metavar="TASK", help="A task's name, or a YAML file.")]
app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Tasks: those shipped, and your own ones for any environment."
)


@app.command("ls")
def ls(json: options.Json = False) -> None:
    """List the task specs."""
    from reward_synth.tasks.spec import list_tasks

    specs = list_tasks()
    if json:
        print_json([spec.model_dump(mode="json") for spec in specs])
    else:
        rows = [(spec.name, spec.environment.id, f"{spec.training.steps:,}", spec.goal) for spec in specs]
        print_table(("task", "environment", "steps", "goal"), rows)


@app.command("show")
def show(task: TaskName, json: options.Json = False) -> None:
    """Show a task spec: goal, environment, success, fitness, budget."""
    from reward_synth.tasks.spec import load_task

    spec = load_task(task)
    if json:
        print_json(spec.model_dump(mode="json"))
        return
    for name, value in spec.model_dump(mode="json").items():
        if value in ("", [], {}, None, False):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items() if item not in ({}, None))
        text = printable("; ".join(value) if isinstance(value, list) else str(value).strip())
        typer.echo(f"{name}:\n    " + text.replace("\n", "\n    ") if "\n" in text else f"{name}: {text}")


@app.command("new")
def new(
    env: Annotated[_Text, Option(metavar="ENV", help="Id, `module:ID`, `module:CLASS`, `./FILE.py:CLASS`.")] = None,
    goal: Annotated[_Text, Option(metavar="TEXT", help="What shall be done, in a sentence.")] = None,
    success: Annotated[_Text, Option(metavar="PYTHON", help="Over `episode`: was it done?")] = None,
    fitness: Annotated[_Text, Option(metavar="PYTHON", help="Over `episode`: a number, higher is better.")] = None,
    fitness_unit: Annotated[_Text, Option(metavar="TEXT", help="What the fitness counts.")] = None,
    field: Annotated[
        list[str] | None,
        Option(
            metavar="NAME=SOURCE;UNIT;MEANING",
            help="A field of your own; may be repeated. Its source: the number of an element of the observation, "
            "several in brackets, an expression, or info.KEY.",
        ),
    ] = None,
    argument: Annotated[
        list[str] | None, Option(metavar="NAME=VALUE", help="Keyword of the environment; may be repeated.")
    ] = None,
    name: Annotated[_Text, Option(metavar="NAME", help="Name of the task; from the goal if not given.")] = None,
    horizon: Annotated[
        int | None, Option(min=1, metavar="STEPS", help="Longest episode; the environment's if not given.")
    ] = None,
    steps: Annotated[int | None, Option(min=1000, metavar="NUMBER", help="Budget of one training.")] = None,
    learner: Annotated[_Text, Option(metavar="ppo|sac|tqc", help="Who trains it; ppo if not given.")] = None,
    preset: Annotated[
        _Text, Option(metavar="NAME", help="The learner's settings; its default ones if not given.")
    ] = None,
    episodes: Annotated[
        int | None, Option(min=1, metavar="NUMBER", help="Episodes of an evaluation; 8 if not given.")
    ] = None,
    out: Annotated[Path | None, Option(metavar="FILE", help="Where it is written; NAME.yaml if not given.")] = None,
    yes: Annotated[bool, Option("--yes", "-y", help="Ask nothing: take defaults, write in spite of warnings.")] = False,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    json: options.Json = False,
) -> None:
    """Write a task spec for an environment, and try it there. Asks for what no option tells."""
    from reward_synth.preparation.write_task import Answers, new_task, parse_argument, refuse_path, write_task

    if out is not None:
        refuse_path(out)

    there = sys.stdin.isatty() and not yes
    answers = Answers(
        env, goal, name, success, fitness, fitness_unit, horizon, steps, tuple(field or ()),
        dict(parse_argument(text) for text in argument or ()), learner, preset, episodes,
    )  # fmt: skip
    spec, tried = new_task(answers, _question(there), _print_text, patient=there, unsafe_no_sandbox=unsafe_no_sandbox)
    path = out or Path(f"{spec.short_name}.yaml")
    _print_trial(tried)
    _refuse_doubtful(tried, there, yes)
    write_task(spec, path)
    if json:
        print_json({"file": str(path), "remarks": [asdict(remark) for remark in tried.remarks]})
    else:
        typer.echo(str(path))
    typer.echo(f"Next: reward-synth run --task {shlex.quote(str(path))}", err=True)


@app.command("check")
def check(
    task: TaskName,
    render: Annotated[bool, Option("--render", help="Also make a picture.")] = False,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    json: options.Json = False,
) -> None:
    """Try a task on its environment. Exits with 0 if all is well, 1 with warnings, 2 if it cannot be used."""
    from reward_synth.preparation.preflight import preflight
    from reward_synth.sandbox.channel import protected
    from reward_synth.tasks.spec import load_task
    from reward_synth.training.presets import get_preset

    spec = load_task(task, typed=True)
    get_preset(spec.training.learner, spec.training.preset)
    with protected(unsafe_no_sandbox), told_if_long(tell):
        tried = preflight(spec, render=render, sandbox=not unsafe_no_sandbox)
    if json:
        print_json({"task": spec.name, "remarks": [asdict(remark) for remark in tried.remarks]})
    else:
        _print_trial(tried)
    if any(remark.level == "warning" for remark in tried.remarks):
        raise typer.Exit(1)


@app.command("fields")
def fields(
    task: Annotated[str, Argument(metavar="TASK|ENV", help="A task's name or YAML file, or an environment.")],
    argument: Annotated[
        list[str] | None, Option(metavar="NAME=VALUE", help="Keyword of the environment; may be repeated.")
    ] = None,
) -> None:
    """Print the fields that rewards, success and fitness may read, and the action, with units, ranges and signs."""
    from reward_synth.evaluation.play import field_table
    from reward_synth.preparation.write_task import parse_argument
    from reward_synth.simulators.custom.files import name_environment
    from reward_synth.tasks.spec import EnvironmentSpec, load_task

    arguments = dict(map(parse_argument, argument or ()))
    known = task.endswith((".yaml", ".yml")) or not (":" in task or "-v" in task)
    with told_if_long(tell, SLOW_TO_OPEN):
        spec = load_task(task, typed=True).environment_spec if known else EnvironmentSpec.of(name_environment(task))
        if arguments:
            changed = {"arguments": {**spec.environment.arguments, **arguments}}
            spec = spec.model_copy(update={"environment": spec.environment.model_copy(update=changed)})
        table = field_table(spec)
    typer.echo(table.for_rewards().stub(), nl=False)


def _refuse_doubtful(tried: PreparedTask, there: bool, yes: bool) -> None:
    """Refuse to write a task with warnings unless the person agrees."""
    doubtful = any(remark.level == "warning" for remark in tried.remarks)
    if doubtful and not yes and not (there and said_yes("Write it all the same? (y/N) ")):
        raise RewardSynthError("nothing was written", "mend what the warnings say, or add --yes", exit_code=1)


def _question(there: bool) -> Question:
    def ask(option: str, question: str, default: str | None) -> str:
        if not there and default is None:
            raise RewardSynthError(f"there is nobody to ask for {option}", f"add {option} …: {question}")
        if not there:
            return default or ""
        while True:
            try:
                answer = read_line(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
            except EOFError as error:
                raise RewardSynthError(f"no answer was given for {option}", f"add {option} …") from error
            if answer is not None:
                return answer

    return ask


def _print_text(text: str) -> None:
    typer.echo(f"\n{printable(text.rstrip())}\n", err=True)


def _print_trial(tried: PreparedTask) -> None:
    """Print what the trial found on stderr."""
    for remark in tried.remarks:
        hint = f"\n  hint: {remark.hint}" if remark.hint else ""
        typer.echo(printable(f"{remark.level}: [{remark.about}] {remark.message}{hint}"), err=True)
    episodes = len(tried.reference_episodes.episodes)
    typer.echo(f"tried: made, reset and stepped; {episodes} recorded episodes judged", err=True)
