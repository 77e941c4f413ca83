"""``run``, ``resume``, ``stop``, ``feedback``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.options import Json, RunName
from reward_synth.cli.stopping import terminable
from reward_synth.cli.text import environment_argument, print_json, read_line, run_argument
from reward_synth.core.errors import RewardSynthError

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.search.feedback import ConsoleAsk
    from reward_synth.tasks.spec import TaskSpec

Goal = Annotated[
    str, typer.Argument(metavar="GOAL", help="What the robot shall do, in quotes; may be left out with --task.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done and what it would cost; do nothing.")]


def run(
    goal: Goal = "",
    task: options.Task = None,
    env: options.Env = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    temperature: options.Temperature = None,
    critic: options.Critic = None,
    shots: options.Shots = None,
    repairs: options.Repairs = None,
    prompts: options.Prompts = None,
    iterations: options.Iterations = None,
    samples: options.Samples = None,
    seeds: options.Seeds = None,
    steps: options.Steps = None,
    learner: options.Learner = None,
    scale: options.Scale = None,
    budget: options.Budget = None,
    time_limit: options.TimeLimit = None,
    rungs: options.Rungs = None,
    keep_going: options.KeepGoing = None,
    final_seeds: options.FinalSeeds = None,
    feedback: options.FeedbackMode = None,
    feedback_timeout: options.FeedbackTimeout = None,
    yes: options.Yes = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = None,
    jobs: options.Jobs = None,
    executor: options.Executor = None,
    seed: options.Seed = None,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = None,
    set_values: options.Set = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Search for a reward that makes GOAL come true, and train its policy."""
    typed = dict(locals())  # every option by its name, before anything else has one

    from reward_synth.api import run as api
    from reward_synth.settings.model import load_settings

    resolved = load_settings(options.overrides(typed))
    if dry_run:
        from reward_synth.cli.dry_run import print_plan

        print_plan(goal, resolved, as_json=json)
        return
    with _stoppable() as made:
        found = api.start(
            goal,
            resolved,
            command=shlex.join(["reward-synth", *sys.argv[1:]]),
            ask=_console_ask(),
            confirm=_confirm if sys.stdin.isatty() else None,
            on_created=made,
        )
    _finish(found)


def resume(
    run: RunName,
    env: options.EnvFile = None,
    base_url: options.BaseUrl = None,
    iterations: options.Iterations = None,
    budget: options.Budget = None,
    time_limit: options.TimeLimit = None,
    keep_going: options.KeepGoing = None,
    feedback: options.FeedbackMode = None,
    feedback_timeout: options.FeedbackTimeout = None,
    yes: options.Yes = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = None,
    jobs: options.Jobs = None,
    executor: options.Executor = None,
    display: options.DisplayKind = None,
    runs_dir: options.RunsDir = None,
    json: Json = False,
) -> None:
    """Go on with a run: do what is missing. Limits may be raised."""
    typed = dict(locals())

    from reward_synth.api.run import Run

    found = Run.open(run, options.runs_folder(runs_dir))
    given = options.overrides(typed)
    given.pop("runs_dir", None)
    with _stoppable() as made:
        made(found)
        found.resume_with(given, flags=True, ask=_console_ask(), confirm=_confirm if sys.stdin.isatty() else None)
    _finish(found)


def stop(run: RunName = "latest", runs_dir: options.RunsDir = None) -> None:
    """End a run politely, after the step in hand."""
    from reward_synth.api.run import Run

    found = Run.open(run, options.runs_folder(runs_dir))
    if not found.store.is_locked():
        raise RewardSynthError(f"no process is working on {found.id}", f"it is {found.status}; reward-synth ls")
    found.stop()
    typer.echo(f"{found.id} stops after the step in hand", err=True)


def feedback(
    run: RunName = "latest",
    prefer: Annotated[str | None, typer.Option(metavar="CANDIDATE", help="The one that you like best.")] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Your words; the next prompt holds them as they are.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Say that none of them is right.")] = False,
    edit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A reward that you wrote or changed; it is tried next.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="End the run with --prefer, or the best one, as its result.")
    ] = False,
    runs_dir: options.RunsDir = None,
    json: Json = False,
) -> None:
    """Answer a run's open question, or give it advice. Without options it asks you."""
    from reward_synth.api.run import Run
    from reward_synth.search.feedback import answer_from_options, latest_request

    found = Run.open(run, options.runs_folder(runs_dir))
    if prefer or note or reject or edit or accept:
        answer = answer_from_options(found.store, prefer=prefer, note=note, reject=reject, edit=edit, accept=accept)
    else:
        ask = _console_ask()
        if ask is None:
            raise RewardSynthError(
                "there is no terminal to ask you at", "answer with --prefer, --note, --reject, --edit or --accept"
            )
        answer = ask(latest_request(found.store))
        if answer.action in ("skip", "stop"):
            typer.echo("nothing was recorded", err=True)
            return
    path = found.answer(answer)
    if json:
        print_json({"answer": str(path)} | answer.model_dump(mode="json"))
    typer.echo(f"recorded in {path}", err=True)
    if not found.store.is_locked():
        typer.echo(f"Continue with: {_resume_command(found)}", err=True)


@contextmanager
def _stoppable() -> Iterator[Callable[[Run], None]]:
    """Treat SIGTERM as Ctrl-C; after either, and after any error, the last line says how to go on.

    Yields a function to be told of the run once there is one.
    """
    runs: list[Run] = []
    try:
        with terminable():
            yield runs.append
    except BaseException as error:
        if runs:
            if isinstance(error, RewardSynthError):
                advice = f"then continue with: {_resume_command(runs[0])}"
                hint = f"{error.hint}\n      {advice}" if error.hint else advice
                raise RewardSynthError(error.message, hint, error.exit_code) from error
            typer.echo(f"Continue with: {_resume_command(runs[0])}", err=True)
        raise


def _resume_command(run: Run) -> str:
    """What to type to go on with a run of one's own; its server must be named anew."""
    server = run.settings.base_url
    words = ["reward-synth resume", run_argument(run), environment_argument(run)]
    return " ".join(filter(None, words)) + (f" --base-url {shlex.quote(server)}" if server else "")


def _finish(run: Run) -> None:
    """What was found and what to type next; exits with 1 if there is no acceptable reward."""
    from reward_synth.display.progress import dollars, duration, evaluation_lines, result_text

    status, best, name = run.status, run.best, run_argument(run)
    quiet = run.settings.display in ("json", "none")
    if best is not None and not quiet:
        unit = f" {run.task.fitness_unit}" if best.fitness is not None else ""
        figures = result_text(best.success, best.fitness, best.success_interval)
        typer.echo(f"\nBest reward {best.id}: {figures}{unit}", err=True)
        typer.echo(str(run.reward_path))
        evaluation = run.evaluation()
        if evaluation is not None:
            typer.echo("Final training: " + "; ".join(evaluation_lines(evaluation, run.task.fitness_unit)), err=True)
    if not quiet:
        typer.echo(f"Models: {dollars(run.cost)}. Time: {duration(run.seconds)}.", err=True)
        for command, does in (
            (f"reward-synth show {name}", "all candidates and what was learnt"),
            (f"reward-synth export {name}", "the reward and its wrapper as one file") if best else ("", ""),
        ):
            if command:
                typer.echo(f"  {command:<34}  # {does}", err=True)
        if status in ("stopped", "waiting"):
            typer.echo(f"Continue with: {_resume_command(run)}", err=True)
        elif status == "unsolved":
            more = run.settings.iterations + 2
            typer.echo(f"Continue with: {_resume_command(run)} --iterations {more}", err=True)
    if status in ("unsolved", "stopped"):
        raise typer.Exit(1)


def _console_ask() -> ConsoleAsk | None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from reward_synth.search.feedback import ConsoleAsk

    def write(text: str) -> None:
        typer.echo(text, err=True)

    return ConsoleAsk(read_line, write)


def _confirm(task: TaskSpec) -> bool:
    """Show the success measure that a model drafted, and ask."""
    from reward_synth.display.progress import printable

    typer.echo(f"\nNo task spec says what success is, so a model drafted it for {task.environment.id}:", err=True)
    measures = f"success:\n{_indented(task.success)}\nfitness ({task.fitness_unit}):\n{_indented(task.fitness)}"
    typer.echo(f"\n{printable(measures)}", err=True)
    if task.notes:
        typer.echo(f"\n{_indented(printable(task.notes))}", err=True)
    try:
        answer = read_line("\nIt decides which reward is good and never changes afterwards. Is it right? (y/N) ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def _indented(text: str) -> str:
    from reward_synth.display.progress import printable

    return "\n".join(f"    {line}" for line in printable(text).strip().splitlines())
