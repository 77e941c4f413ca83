"""The rules of a reward's code, from ``rules.json``.

Each row holds name, severity, question, what is found, and the fix where it is the same for every finding.
"""

from __future__ import annotations

import json
from pathlib import Path

from reward_synth.core.rules import Rule, declare
from reward_synth.core.types import Source

_ROWS = json.loads(Path(__file__).with_name("rules.json").read_text(encoding="utf-8"))


def declared(source: Source, group: str) -> dict[str, Rule]:
    """Register the rules of one group of the file, and return them by name."""
    return {row[0]: declare(source, *row) for row in _ROWS[group]}
