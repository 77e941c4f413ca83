"""``config``: settings, and where they come from."""

from __future__ import annotations

import typer

from reward_synth.cli import options
from reward_synth.cli.text import print_json, print_settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Settings.")


@app.command("show")
def show(set_values: options.Set = None, json: options.Json = False) -> None:
    """Every setting, its value here and now, and where it came from."""
    from reward_synth.settings.sources import load_settings

    resolved = load_settings(options.overrides({}, set_values))
    values = resolved.settings.model_dump(mode="json")
    if json:
        print_json({name: {"value": value, "origin": resolved.origins[name]} for name, value in values.items()})
        return
    print_settings(values, resolved.origins)
