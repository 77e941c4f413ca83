"""The command line: it parses, calls the API and renders. Each command has a file of its own beside this one.

Exit codes: 0 done, 1 no acceptable reward (or findings in ``check`` and ``audit``), 2 usage or prerequisite,
130 interrupted.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import select
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from reward_synth.cli import config, models, tasks
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.version import __version__
from reward_synth.display.text import printable

# Plain help: the boxes would cost a third of the time that --help takes.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A sentence in; a dense reward function you can read, and the policy it trains, out.",
    epilog="RUN is a run's name, a unique beginning or the end of it, a path, or `latest`.",
)
# In the order of --help; each command is defined in the file of its name.
_NAMES = (
    "init", "run", "resume", "stop", "feedback", "ls", "show", "view", "watch", "video", "diff", "logs", "cost",
    "check", "audit", "train", "eval", "export", "mcp", "doctor",
)  # fmt: skip
COMMANDS = tuple(getattr(import_module(f"reward_synth.cli.{name}"), name) for name in _NAMES)
GROUPS = {"tasks": tasks.app, "models": models.app, "config": config.app}

for _command in COMMANDS:
    app.command(_command.__name__)(_command)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reward-synth {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    # To load libraries makes a million objects that stay; Python would look through them a thousand times.
    gc.set_threshold(50_000)
    _keep_stdout()
    code = execute(sys.argv[1:] if arguments is None else arguments)
    if threading.active_count() > 1:
        # A call that was given up still waits in its thread. While the interpreter takes itself apart, such a thread
        # can hold a lock that a destructor asks for, and the program would never end. All files are whole by now.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _keep_stdout() -> None:
    """Keep stdout for what this program prints: what a library prints from C goes to stderr, until this process ends.

    pybullet does so when it is imported and when it is closed, which would spoil the document of ``--json``. A terminal
    shows both alike, and Python edits a line that is typed there only while stdout is where it was.
    """
    if sys.stdout is None or sys.stdout.isatty():
        return
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # One of both is closed.
        return
    sys.stdout = os.fdopen(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)


def execute(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    debug = "--debug" in given[:end] or bool(os.environ.get("REWARD_SYNTH_DEBUG"))
    words = [word for number, word in enumerate(given) if word != "--debug" or number > end]
    try:
        result = _commands().main(words, prog_name="reward-synth", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except RewardSynthError as error:
        return _failed(error.message, error.hint, error.exit_code, debug)
    except TyperException as error:
        return _misused(error, debug)
    except (KeyboardInterrupt, typer.Abort):
        if debug:
            traceback.print_exc()
        return 130
    except SystemExit as end:
        # Typer ends without a word on a broken pipe, also on one to a process of ours that died.
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        return _unread() if _nobody_reads() else _unexpected(end.__context__, debug)
    except Exception as error:  # noqa: BLE001 - the outermost level: every error reaches the person as text with a hint
        return _unexpected(error, debug)


@functools.cache
def _commands() -> Any:
    """All commands with their options. To put them together takes Typer longer than most commands take."""
    return typer.main.get_command(app)


def _nobody_reads() -> bool:
    """True if the reader of what this process prints (such as `head`) has gone."""
    outputs = select.poll()
    for descriptor in _outputs():
        outputs.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in outputs.poll(0))


def _outputs() -> set[int]:
    """What this process prints to. Results may have a descriptor of their own: see :func:`_keep_stdout`."""
    found = {1, 2}
    with contextlib.suppress(AttributeError, OSError):  # There is none, or it is no file.
        found.add(sys.stdout.fileno())
    return found


def _unread() -> int:
    # Python would complain again when it closes stdout.
    for descriptor in _outputs() - {2}:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return 0


def _unexpected(error: BaseException, debug: bool) -> int:
    return _failed(
        f"unexpected {type(error).__name__}: {error}",
        "this is a fault of reward-synth; --debug shows where, and a run's log.txt keeps it",
        2,
        debug,
    )


def _failed(message: str, hint: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    typer.echo(f"error: {printable(message)}", err=True)
    if hint:
        typer.echo(f"\nhint: {printable(hint)}", err=True)
    return code


def _misused(error: TyperException, debug: bool) -> int:
    """Print a wrong option or command like every other error."""
    context: Any = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.message, err=True)
        return 2
    close = sorted(getattr(error, "possibilities", None) or ())
    message = error.message if close else error.format_message()
    hint = f"did you mean {' or '.join(close)}?" if close else ""
    message, _, suggestion = message.partition(" Did you mean ")
    if suggestion:
        hint = f"did you mean {suggestion.rstrip('?')}?"
    if "unexpected extra argument" in message and context is not None and context.command.name == "run":
        hint = 'put the goal in quotes: reward-synth run "make the hopper hop backwards"'
    if not hint:
        hint = f"{context.command_path if context is not None else 'reward-synth'} --help"
    message = message[:1].lower() + message[1:].rstrip(".")
    return _failed(message, hint, 2, debug)


if __name__ == "__main__":
    main()
