"""A quick part of ``benchmarks/faults.py``: real runs whose processes are killed, and whose files are damaged."""

from __future__ import annotations

import random
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
faults: Any = import_module("faults")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def test_runs_whose_processes_are_killed_end_as_undisturbed_ones() -> None:
    rows = list(faults.kills(3, random.Random(3)))
    assert sum(row[1] for row in rows) == 3
    assert [row for row in rows if row[2] != row[3]] == []


def test_commands_answer_in_words_whatever_file_is_damaged() -> None:
    assert [row for row in faults.damages(3, random.Random(3)) if row[2] != row[3]] == []
