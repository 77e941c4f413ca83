"""``view``: runs in a browser."""

from __future__ import annotations

import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.core import interruption

if TYPE_CHECKING:
    from reward_synth.api.run import Run


def view(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run to open first; the list of runs if not given.")
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; any but this machine itself needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=0, max=65535, show_default=False, help="The port; the first free from 8765 on."
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    env: options.EnvFile = None,
    runs_dir: options.RunsDir = None,
) -> None:
    """Runs in a browser: films, curves, rewards, prompts, and your feedback. Ctrl-C ends it."""
    from reward_synth.simulators.custom.files import name_environment
    from reward_synth.viewer.serve import serve

    folder, where = options.runs_folder(runs_dir).resolve(), "/"
    if run is None and env is not None:
        name_environment(env)
    if run is not None:
        found = options.open_run(run, runs_dir)
        found.name_environment(env)
        folder, where = Path(found.path).resolve().parent, f"/run/{found.id}"

    def told(address: str) -> None:
        typer.echo(address)
        typer.echo("Ctrl-C ends it", err=True)
        if browser:
            webbrowser.open(address)

    with interruption.heeded():
        serve(folder, host, port, where, told)


@contextmanager
def page_beside(wanted: bool) -> Iterator[Callable[[Run], None]]:
    """A context in which a process of its own serves a run's page, so that it costs the run no time.

    Yields a function to call with the run once it exists; it does nothing if no page is wanted.

    :raises RewardSynthError: the packages of the page are missing.
    """
    servers: list[subprocess.Popen[bytes]] = []

    def start(run: Run) -> None:
        if wanted:
            from reward_synth.api.process import command_on

            command = command_on(run, "view")
            # The address goes to stderr with everything else that is no data. Ctrl-C is for the run alone.
            servers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0))

    if wanted:
        from reward_synth.viewer.serve import require_packages

        require_packages()
    try:
        yield start
    finally:
        for server in servers:
            server.terminate()
            server.wait()
