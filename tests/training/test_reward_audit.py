from __future__ import annotations

import json
from pathlib import Path

import gymnasium
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth import RewardAudit


@pytest.mark.parametrize("kind", [PPO, SAC])
def test_a_training_writes_its_own_audit_with_the_environments_rewards(kind: type, tmp_path: Path) -> None:
    venv = VecNormalize(DummyVecEnv([lambda: gymnasium.make("InvertedPendulum-v5")] * 2))
    options = {"n_steps": 64} if kind is PPO else {"learning_starts": 1000}
    model = kind("MlpPolicy", venv, seed=0, device="cpu", gamma=0.9, **options)
    path = tmp_path / "audit.json"
    model.learn(512, callback=RewardAudit(path))
    told = json.loads(path.read_text())
    assert told["discount"] == 0.9 and "clipped there" in told["maximises"]
    first, last = told["rows"]
    for row in (first, last):
        assert row["total"] == pytest.approx(row["steps"], abs=2.0), "a step upright pays 1, before it is normalised"
        assert row["discounted"] < row["total"]
    assert told["verdicts"]["audit/sinks-in-training"] in ("found", "not found")


def test_with_an_environments_id_it_begins_with_the_audit_of_that(tmp_path: Path) -> None:
    model = PPO("MlpPolicy", gymnasium.make("InvertedPendulum-v5"), n_steps=64, device="cpu")
    model.learn(64, callback=RewardAudit(tmp_path / "audit.json", env="InvertedPendulum-v5"))
    told = json.loads((tmp_path / "audit.json").read_text())
    kinds = {row["behaviour"].partition(",")[0] for row in told["rows"]}
    assert {"rest", "random", "an end at once", "all of the training"} <= kinds
