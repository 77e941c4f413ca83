from __future__ import annotations

import os
from pathlib import Path

import pytest

from reward_synth.api.run import Run
from reward_synth.core.types import Alignment, Candidate, CheckReport, EpisodeScore, Finding, TrainResult
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from tests.cli.cases import REWARD, ROOT


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("REWARD_SYNTH_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    store = RunStore.create(Path("runs"), "run backwards", Settings(), "gym/half_cheetah_run_backward")
    store.write_task((ROOT / "task_specs/gym/half_cheetah_run_backward.yaml").read_text())
    finding = Finding(rule="dead-term", message="'x' is always 0", line=2, severity="warning", source="probe")
    episode = EpisodeScore(success=True, success_any=True, fitness=30.0, length=1000, terminated=False)
    for name, factor in (("001-a", "-1.0"), ("001-b", "-2.0")):
        store.write_reward(name, REWARD.replace("-next", f"{factor} * next"))
        ranking = Alignment(behaviours=34, reward=0.9, terms={"speed": 0.9})
        report = CheckReport(findings=(finding,), fields=("x_velocity",), terms=("speed",), alignment=ranking)
        store.write_check(name, report)
        result = TrainResult(status="trained", seed=1, steps=5000, seconds=9.0, cpu_seconds=7.2, episodes=(episode,))
        folder = store.train_dir(name, 0)
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(result.model_dump_json())
        store.save_candidate(Candidate(id=name, iteration=1, status="trained", success=0.5, fitness=2.0, steps=5000))
    store.set_best("001-b")
    store.write_iteration(1, "It runs.")
    store.update(status="done", outcome="solved", seconds=61)
    return Run(store)
