"""``mcp``: tools for a coding assistant."""

from __future__ import annotations

import sys

import typer

from reward_synth.cli import options
from reward_synth.core import interruption


@options.with_settings(("runs_dir", "model", "base_url", "budget", "time_limit"))
def mcp(*, given: options.Given) -> None:
    """Serve tools to a coding assistant over stdin and stdout (MCP): it starts runs, watches them, writes rewards.

    --budget and --time-limit are the most that it may ask for; --model is used where it names none, instead of manual.
    """
    from reward_synth.assistants.server import serve

    if sys.stdin.isatty():
        typer.echo("this command speaks MCP with an assistant, which starts it: docs/guide/assistants.md", err=True)
    with interruption.heeded():
        serve(options.overrides(given))
