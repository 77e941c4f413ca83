from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore, find_run, list_runs


def test_a_run_is_found_by_what_people_type(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(RewardSynthError, match="no run in"):
        find_run(runs, "latest")
    old = RunStore.create(runs, "make the hopper hop", Settings())
    new = RunStore.create(runs, "make the ant walk", Settings())
    new.update(created=datetime(2999, 1, 1).astimezone())
    (runs / "not-a-run").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")

    assert find_run(runs, "latest") == new.path
    assert find_run(runs, old.path) == old.path
    assert find_run(runs, old.id[:-2]) == old.path
    assert find_run(runs, old.short_id) == old.path
    assert [info.id for info in list_runs(runs)] == [new.id, old.id]
    with pytest.raises(RewardSynthError, match="fits 2 runs"):
        find_run(runs, old.id[:4])
    with pytest.raises(RewardSynthError, match="no run 'hopper-hob'") as caught:
        find_run(runs, "hopper-hob")
    assert caught.value.hint == f"did you mean '{old.id}'?"
    with pytest.raises(RewardSynthError, match="not a run folder"):
        RunStore.open(runs / "not-a-run")


def test_a_strange_manifest_hangs_no_listing(store: RunStore, tmp_path: Path) -> None:
    for name in ("pipe", "device"):
        (store.path.parent / name).mkdir()
    os.mkfifo(store.path.parent / "pipe" / "run.json")
    (store.path.parent / "device" / "run.json").symlink_to("/dev/zero")
    assert [info.id for info in list_runs(store.path.parent)] == [store.id]
