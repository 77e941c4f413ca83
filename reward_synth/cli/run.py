"""``run``: search for a reward."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.attended import console_ask, console_confirm, finish, resumable
from reward_synth.cli.text import tell
from reward_synth.cli.view import page_beside
from reward_synth.core.waiting import told_if_long
from reward_synth.settings.declarations import SETTINGS, options_of

if TYPE_CHECKING:
    from reward_synth.api.run import Run

Goal = Annotated[
    str, typer.Argument(metavar="GOAL", help="What the robot shall do, in quotes; may be left out with --task.")
]
View = Annotated[bool, typer.Option("--view", help="Show the run in a browser while it works.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done and what it would cost; do nothing.")]


@options.with_settings(name for name in SETTINGS if options_of(name))
def run(
    *,
    goal: Goal = "",
    given: options.Given,
    set_values: options.Set = None,
    json: options.Json = False,
    view: View = False,
    dry_run: DryRun = False,
) -> None:
    """Search for a reward that makes GOAL come true, and train its policy."""
    from reward_synth.api import run as api
    from reward_synth.settings.sources import load_settings

    resolved = load_settings(options.overrides(given, set_values, json))
    if dry_run:
        from reward_synth.cli.dry_run import print_plan

        print_plan(goal, resolved, as_json=json)
        return
    with resumable() as made, page_beside(view) as shown, ExitStack() as before_the_run:
        if resolved.settings.display != "none":
            before_the_run.enter_context(told_if_long(tell))

        def created(run: Run) -> None:
            before_the_run.close()
            made(run)
            shown(run)

        found = api.start(
            goal,
            resolved,
            command=shlex.join(["reward-synth", *sys.argv[1:]]),
            ask=console_ask(),
            confirm=console_confirm(),
            on_created=created,
        )
    finish(found)
