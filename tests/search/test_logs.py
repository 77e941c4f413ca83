"""Searches, single trainings and final trainings write the log that was asked for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reward_synth import synthesize, train_reward
from reward_synth.llm.base import Model
from reward_synth.llm.fake import ScriptedModel
from tests.search.test_loop import GOAL, GOOD, play


def names_in(folder: Path) -> set[str]:
    with (folder / "training.csv").open(newline="") as file:
        return {row["name"] for row in csv.DictReader(file)}


@pytest.mark.slow
def test_every_kind_of_training_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str, **_: object) -> Model:
        return ScriptedModel(lambda request: play(request, [GOOD]))

    monkeypatch.setattr("reward_synth.search.models.open_model", opened)
    monkeypatch.setattr("reward_synth.llm.open_model", opened)
    run = synthesize(
        GOAL, model="scripted", runs_dir=tmp_path, display="none", iterations=1, samples=1, steps=1000, train_on=0,
        log="csv", final_seeds=1,
    )  # fmt: skip
    logs = run.path / "logs"
    assert {path.name for path in logs.iterdir()} == {"001-a-seed-0", "final-001-a-seed-0"}
    wanted = {"evaluation/success", "evaluation/fitness", "term/upright/mean", "term/still/share", "final/success"}
    assert wanted <= names_in(logs / "001-a-seed-0") and wanted <= names_in(logs / "final-001-a-seed-0")
    _, folder = train_reward(GOOD, "gym/inverted_pendulum_balance", steps=1000, out=tmp_path / "own", log="csv")
    assert wanted <= names_in(folder / "logs" / "training")
