"""A ``reward-synth.toml`` to edit, made from the settings' own declarations."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import wrap

from reward_synth.settings.declarations import SETTINGS, Declarations, is_switch, value_text
from reward_synth.settings.origins import CONFIG_NAME

_HEAD = f"""\
# Settings of reward-synth in this folder and below. Every line is a comment: remove its '# ' to set something.
#
# What is typed (--iterations 5), REWARD_SYNTH_… in the environment or in .env, and a task's own budget come before
# this file. `reward-synth config show` says what holds, and why. Paths are relative to this file, except `task` and
# `env`. Keys of models do not belong here, but into the environment or into .env.
#
# This file must be called {CONFIG_NAME}.
"""


def commented_settings() -> str:
    """The file's text: each setting that a file may give, with what it does and its default, or what stands for it."""
    parts = [_HEAD]
    for name, setting in SETTINGS.items():
        if name == "unsafe_no_sandbox":
            continue  # It may only be typed.
        about = "\n".join(f"# {line}" for line in wrap(setting.help, 110))
        parts.append(f"{about}\n# {name} = {_value(name)}\n")
    return "\n".join(parts)


def _value(name: str) -> str:
    default = getattr(Declarations, name)
    if name == "models":
        return '{ critic = "NAME" }'
    if default is None:
        shown = value_text(name) if not is_switch(name) else "true"
        return shown if shown in ("NUMBER", "true") else json.dumps(shown)
    return json.dumps(str(default) if isinstance(default, Path) else default)
