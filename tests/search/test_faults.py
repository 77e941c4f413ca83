"""A quick part of ``benchmarks/faults.py``: real runs whose processes are killed, and whose files are damaged."""

from __future__ import annotations

import random
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
faults: Any = import_module("faults")
fault_files: Any = import_module("fault_files")
fault_runs: Any = import_module("fault_runs")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def test_runs_whose_processes_are_killed_end_as_undisturbed_ones() -> None:
    rows = list(faults.kills(3, random.Random(3), more=["--iterations=1", "--videos=none"]))
    assert sum(row[1] for row in rows) == 3
    assert [row for row in rows if row[2] != row[3]] == []


def test_damaged_files_are_told_and_change_nothing_in_silence() -> None:
    assert [row for row in fault_files.damages(2, random.Random(3), ["half-finished"]) if row[2] != row[3]] == []


def test_planted_keys_are_found_in_files_in_archives_and_in_words(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(fault_runs.CANARY)
    (tmp_path / "clean.txt").write_text("nothing")
    assert fault_runs.keys_in(tmp_path, "nothing") == []
    (tmp_path / "log.txt").write_text(f"sent openai-{fault_runs.CANARY}")
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", fault_runs.CANARY)
    found = fault_runs.keys_in(tmp_path, "nothing", f"said {fault_runs.CANARY}")
    assert sorted(found) == ["key in log.txt", "key in model.zip", "key on the screen"]


def test_an_answer_is_paid_twice_only_if_a_kill_may_have_met_it() -> None:
    model = fault_runs.SteadyModel()
    try:
        model.asked.update({"once": 1, "again": 2})
        model.answered += [("once", 1.0, 2.0), ("again", 5.0, 6.0), ("again", 9.0, 10.0)]
        assert model.paid_twice([]) == 1
        assert model.paid_twice([3.0, 8.0]) == 1
        assert model.paid_twice([5.5]) == 0
    finally:
        model.close()
