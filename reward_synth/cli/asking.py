"""Questions to the person at the terminal, of ``run``, ``resume`` and ``feedback``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from reward_synth.cli.text import read_line, said_yes
from reward_synth.display.text import printable

if TYPE_CHECKING:
    from reward_synth.search.feedback import ConsoleAsk
    from reward_synth.tasks.spec import TaskSpec


def console_ask() -> ConsoleAsk | None:
    """Who asks for feedback at this terminal; None where nobody could answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from reward_synth.search.feedback import ConsoleAsk

    def write(text: str) -> None:
        typer.echo(text, err=True)

    return ConsoleAsk(read_line, write)


def console_confirm() -> Callable[[TaskSpec], bool] | None:
    """Who asks whether a drafted success measure is right; None where nobody could answer."""
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
