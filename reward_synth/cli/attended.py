"""Long-running commands: how they ask the person, and how they end after a signal, an error or a finished search."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import typer

from reward_synth.cli.text import environment_argument, read_line, resume_command, run_argument, said_yes
from reward_synth.core import interruption
from reward_synth.core.errors import FolderMoved, RewardSynthError
from reward_synth.core.number_format import dollars, duration
from reward_synth.display.text import comparison_text, evaluation_lines, printable, result_text

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.search.feedback import ConsoleAsk
    from reward_synth.tasks.spec import TaskSpec


@contextmanager
def resumable() -> Iterator[Callable[[Run], None]]:
    """Treat SIGTERM as Ctrl-C. After either, and after any error, the last line says how to continue.

    Yields a function to call with the run once it exists.
    """
    runs: list[Run] = []
    try:
        with interruption.heeded():
            yield runs.append
    except BaseException as error:
        if runs and isinstance(error, FolderMoved):
            runs = [type(runs[0]).open(error.place)] if error.place is not None else []
        if runs:
            if isinstance(error, RewardSynthError):
                advice = f"then continue with: {resume_command(runs[0])}"
                hint = f"{error.hint}\n      {advice}" if error.hint else advice
                raise RewardSynthError(error.message, hint, error.exit_code) from error
            typer.echo(f"Continue with: {resume_command(runs[0])}", err=True)
        raise


def finish(run: Run) -> None:
    """Print the result and what to type next; exit with 1 if there is no acceptable reward."""
    status, best, name = run.status, run.best, run_argument(run)
    quiet = run.settings.display in ("json", "none")
    if best is not None and not quiet:
        unit = f" {run.task.fitness_unit}" if best.fitness is not None else ""
        figures = result_text(best.success, best.fitness, best.success_interval)
        typer.echo(f"\nBest reward {best.id}: {figures}{unit}", err=True)
        typer.echo(str(run.reward_path))
        if compared := comparison_text(best, run.store.started_with()):
            typer.echo(compared[0].upper() + compared[1:] + ".", err=True)
        if (film := run.store.film_path(best.id, "median")).exists():
            typer.echo(f"Film: {film}", err=True)
        evaluation = run.evaluation()
        if evaluation is not None:
            typer.echo("Final training: " + "; ".join(evaluation_lines(evaluation, run.task.fitness_unit)), err=True)
    if not quiet:
        typer.echo(f"Models: {dollars(run.cost)}. Time: {duration(run.seconds)} of work.", err=True)
        typer.echo(f"  {f'reward-synth view {name}':<34}  # all of it in a browser", err=True)
        typer.echo(f"  {f'reward-synth show {name}':<34}  # all candidates and what was learnt", err=True)
        if best and not environment_argument(run):
            # A file cannot hold an environment that stands in another one: `reward_synth.RewardWrapper` is for that.
            typer.echo(f"  {f'reward-synth export {name}':<34}  # the reward and its wrapper as one file", err=True)
        if status in ("stopped", "waiting", "unsolved"):
            typer.echo(f"Continue with: {resume_command(run)}", err=True)
    if status in ("unsolved", "stopped"):
        raise typer.Exit(1)


def console_ask() -> ConsoleAsk | None:
    """What asks for feedback at this terminal; None if nobody could answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from reward_synth.search.feedback import ConsoleAsk

    return ConsoleAsk(read_line, partial(typer.echo, err=True))


def console_confirm() -> Callable[[TaskSpec], bool] | None:
    """What asks whether a drafted success measure is right; None if nobody could answer."""
    return _confirm if sys.stdin.isatty() else None


def _confirm(task: TaskSpec) -> bool:
    """Show the success measure that a model drafted, and ask."""
    typer.echo(f"\nNo task spec says what success is, so a model drafted it for {task.environment.id}:", err=True)
    measures = f"success:\n{_indented(task.success)}\nfitness ({task.fitness_unit}):\n{_indented(task.fitness)}"
    typer.echo(f"\n{printable(measures)}", err=True)
    if task.notes:
        typer.echo(f"\n{_indented(printable(task.notes))}", err=True)
    return said_yes("\nIt decides which reward is good and never changes afterwards. Is it right? (y/N) ")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in printable(text).strip().splitlines())
