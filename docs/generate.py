"""Writes the pages of the user guide that follow from the code: ``python docs/generate.py``.

A test holds the pages equal to what this script would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent

_CLI_HEAD = """# The command line

This page is made by `docs/generate.py` from the commands themselves.

`RUN` is a run's name, a unique beginning or the end of it (`k3f9`), a path, or `latest`. A candidate is named by
iteration and letter: `003-b`. Data goes to stdout, the display to stderr. Errors read `error: …`, a blank line,
`hint: …`; `--debug` adds the traceback.

Exit codes: 0 done, 1 no acceptable reward (for `check` and `audit`: findings), 2 usage or prerequisite, 130
interrupted.
"""

_SETTINGS_HEAD = """# Settings

This page is made by `docs/generate.py` from the settings themselves.

Each setting is an option of `reward-synth run`, a keyword of `synthesize(goal, …)`, a variable in the environment or
in `.env`, and a key of `reward-synth.toml`. Where several are given, the first of these counts:

1. the option or keyword
2. `REWARD_SYNTH_…` in the environment
3. `REWARD_SYNTH_…` in `.env` (the nearest one upward from the working folder)
4. the task spec (for `steps`)
5. `reward-synth.toml` (the nearest one upward)
6. the default

`reward-synth config show` shows each value here and now, and where it came from. Keys of model providers
(`OPENAI_API_KEY` and the like) belong in the environment or in `.env`; they are never stored. Nothing else of other
programs is taken from `.env`. A `base_url` on another machine must be typed or exported, unless the `.env` beside the
file that names it brings the key for it (`REWARD_SYNTH_API_KEY`): a file that somebody sent must not say where your
keys go.

Three variables are no settings of a run: `REWARD_SYNTH_API_KEY` (key for `base_url`), `REWARD_SYNTH_MODELS_DIR` (where
the embedded model's weights lie) and `REWARD_SYNTH_MODEL_FILE` (weights of your own).
"""


def cli_page() -> str:
    """``docs/reference/cli.md``."""
    import typer

    from reward_synth.cli.app import app

    root = typer.main.get_command(app)
    sections = [_CLI_HEAD]
    for name, command in _commands(root, "reward-synth"):
        sections.append(f"## `{name}`\n\n{_section(name, command)}")
    return "\n".join(sections)


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _section(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
    usage = " ".join([name, *(_argument(param) for param in arguments), *(["[OPTIONS]"] if options else [])])
    lines = [" ".join((command.help or "").split()), "", "    " + usage, ""]
    rows = [(f"`{_argument(param)}`", param.help) for param in arguments]
    rows += [(_option(param), param.help) for param in options]
    if rows:
        lines += ["| | |", "| --- | --- |"]
        lines += [f"| {left} | {_cell(right or '')} |" for left, right in rows]
        lines.append("")
    return "\n".join(lines)


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required or name.startswith("[") else f"[{name}]"


def _option(param: Any) -> str:
    names = "/".join([*param.opts, *param.secondary_opts])
    metavar = "" if param.is_flag else f" {param.metavar or 'VALUE'}"
    return f"`{names}{metavar}`".replace("|", "\\|")


def settings_page() -> str:
    """``docs/reference/settings.md``."""
    from reward_synth.settings.declarations import SETTINGS
    from reward_synth.settings.model import Settings
    from reward_synth.settings.origins import ENVIRONMENT_PREFIX

    lines = [_SETTINGS_HEAD, "| setting | default | variable | what it does |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None or default == {} else f"`{json.dumps(default, default=str)}`"
        variable = f"{ENVIRONMENT_PREFIX}{'MODEL_ROLE' if name == 'models' else name.upper()}"
        lines.append(f"| `{name}` | {shown} | `{variable}` | {_cell(SETTINGS[name].help)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES = {"cli.md": cli_page, "settings.md": settings_page}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (FOLDER / "reference" / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
