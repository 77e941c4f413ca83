"""Run folders of every schema so far are read, and none of a newer one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reward_synth import Run
from reward_synth.core.errors import RewardSynthError
from reward_synth.events.model import parse_event
from reward_synth.store.schema import MIGRATIONS, SCHEMA, migrate

OLD_RUNS = Path(__file__).parent / "old_runs"


def test_there_is_a_migration_for_each_step_and_a_run_of_each_old_schema() -> None:
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA))
    assert {path.name for path in OLD_RUNS.iterdir()} == {f"schema-{number}" for number in range(1, SCHEMA)}


@pytest.mark.parametrize("folder", sorted(OLD_RUNS.iterdir()), ids=lambda path: path.name)
def test_an_old_run_is_read_whole_and_left_as_it_lies(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "20261122-2101-half-cheetah-run-backwards-ex42"))
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    run = Run.open(copy)
    assert run.info.format == SCHEMA and run.info.method == "synth"
    assert run.status == "solved" and run.settings.method == "synth"
    assert run.task.name == "gym/half_cheetah_run_backward"
    best = run.best
    assert best is not None and "compute_reward" in run.reward(best.id)
    assert "compute_reward" in run.export()
    kinds = [parse_event(event).kind for event in run.store.events()]
    assert kinds[0] == "started" and kinds[-1] == "ended" and "designed" in kinds and "trained" in kinds
    assert run.costs
    assert before == {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}


def test_an_old_run_is_resumed_and_then_is_one_of_today(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(OLD_RUNS / "schema-1", tmp_path / "20261122-2101-half-cheetah-run-backwards-ex42"))
    stored = json.loads((copy / "run.json").read_text())
    assert stored["format"] == 1 and "method" not in stored
    run = Run.open(copy).resume(display="none")
    assert run.status == "solved"
    assert json.loads((copy / "run.json").read_text())["format"] == SCHEMA
    assert all(parse_event(event) for event in run.store.events())


@pytest.mark.parametrize("number", [0, SCHEMA + 1, "2", None, True])
def test_a_run_of_a_newer_version_is_refused_in_words(number: object) -> None:
    with pytest.raises(RewardSynthError, match="this run has the schema") as error:
        migrate({"format": number})
    assert "pip install --upgrade" in error.value.hint
