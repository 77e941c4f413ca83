"""Plain text for terminals: tables, numbers, commands to type."""

from __future__ import annotations

import json
import os
import select
import shlex
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from reward_synth.core.errors import GivenUp
from reward_synth.core.number_format import number
from reward_synth.display.text import printable

POLL_SECONDS = 0.25
"""Between two looks for an answer that was given elsewhere."""

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.core.types import CheckReport


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def one_line(text: str) -> str:
    """Make foreign text safe within one line: no control characters, and no line ends that could forge a line."""
    return printable(" ".join(text.split()))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout without control characters, because models wrote some of the cells."""
    cells = [list(header), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_pay(report: CheckReport) -> None:
    """Print what a reward pays known behaviours, and what the planner did; nothing if the reward was not attacked."""
    if report.planned is None:
        return
    names = report.pay[0].terms if report.pay else ()
    rows = [
        (row.behaviour, number(row.fitness), number(row.pay), *[number(value) for value in row.terms.values()])
        for row in report.pay
    ]
    print_table(("behaviour", "fitness", "pay per second", *names), rows)
    typer.echo("pay is per second of a whole episode: one that the environment ended is paid nothing for the time left")
    typer.echo(printable(report.planned.as_text()))


def print_settings(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    """Print every setting, its value and its origin."""
    rows = [(name, "" if value in (None, {}) else str(value), origins[name]) for name, value in values.items()]
    print_table(("setting", "value", "from"), rows)


def coloured() -> bool:
    """True if stdout is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def run_argument(run: Run) -> str:
    """The argument that names this run: its short name if that finds it, else its path."""
    return run.store.argument


def environment_argument(run: Run) -> str:
    """The option that names the file of the run's own environment; empty if it has none."""
    from reward_synth.simulators.custom.files import file_of, is_file_id

    kept = run.environment_id
    if not is_file_id(kept):
        return ""
    file, _, name = kept.partition(":")
    path = file_of(kept)
    shown = os.path.relpath(path) if path is not None else f"PATH/{file}"
    return f"--env {shlex.quote(f'{shown}:{name}')}"


def resume_command(run: Run) -> str:
    """The command that resumes a run. It repeats the server, because a stored server is not used again.

    A run that is over is given two more iterations, without which there would be nothing to do.
    """
    settings, status = run.settings, run.status
    words = ["reward-synth resume", run_argument(run), environment_argument(run)]
    if settings.base_url:
        words.append(f"--base-url {shlex.quote(settings.base_url)}")
    if status in ("unsolved", "solved"):
        words.append(f"--iterations {settings.iterations + 2}")
    if status == "solved" and not settings.keep_going:
        words.append("--keep-going")
    return " ".join(filter(None, words))


def tell(text: str) -> None:
    """Print a line on stderr."""
    typer.echo(printable(text), err=True)


def warn_without_sandbox(unsafe_no_sandbox: bool) -> None:
    """Say on stderr what ``--unsafe-no-sandbox`` means, if it was given."""
    if unsafe_no_sandbox:
        from reward_synth.api.lifecycle import UNSAFE

        typer.echo(f"warning: {UNSAFE}", err=True)


def read_line(question: str, given_up: Callable[[], bool] | None = None) -> str:
    """Ask the person a question and return the answer.

    :param given_up: asked while the person at a terminal is silent; once it is true, nothing more is waited for.
    :raises EOFError: the input has ended.
    :raises GivenUp: ``given_up`` is true.
    """
    # input() would write the question to stdout, which is for data.
    typer.echo(question, err=True, nl=False)
    if given_up is not None and sys.stdin.isatty():
        while not select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
            if given_up():
                # What was typed so far must not answer the next question.
                termios.tcflush(sys.stdin, termios.TCIFLUSH)
                typer.echo("", err=True)
                raise GivenUp
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip(os.linesep)


def said_yes(question: str) -> bool:
    """Ask a yes-or-no question; a missing answer counts as no."""
    try:
        return read_line(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False
