"""Repairs for exceptions in reward code, written for a small model to follow."""

from __future__ import annotations

import json
import re
from pathlib import Path

_BY_EXCEPTION = json.loads(Path(__file__).with_name("hints.json").read_text(encoding="utf-8"))
"""Pairs of a pattern for an exception's text and a repair, into which the pattern's groups are inserted."""


def fix_for(text: str) -> str:
    """What to write instead, for an exception with this text; empty if nothing fits."""
    for pattern, fix in _BY_EXCEPTION:
        match = re.search(pattern, text)
        if match:
            return str(fix).format(*match.groups())
    return ""
