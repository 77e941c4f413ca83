"""Our PPO is stable-baselines3's, up to rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth.training.learners.ppo import NumpyPPO, PPOLearner
from reward_synth.training.presets import PPOPreset

CASES = [
    ("Pendulum-v1", {"batch_size": 128}),
    ("Pendulum-v1", {"batch_size": 32, "learning_rate": 3e-3, "gae_lambda": 0.9, "gamma": 0.9}),
    ("Pendulum-v1", {"batch_size": 32, "ent_coef": 0.02, "policy_kwargs": {"net_arch": [16, 16, 16]}}),
    ("CartPole-v1", {"batch_size": 64, "ent_coef": 0.01}),
]


def train(kind: type[PPO], env_id: str, steps: int = 384, **settings: Any) -> PPO:
    # Episodes end by time in the first rollout already: these bootstrap.
    venv = DummyVecEnv([lambda: gymnasium.make(env_id, max_episode_steps=20)] * 4)
    # The gradient is cut at this norm in some updates and not in others.
    learner = kind("MlpPolicy", venv, n_steps=32, n_epochs=3, seed=5, device="cpu", max_grad_norm=0.7, **settings)
    return learner.learn(steps)


@pytest.mark.parametrize(("env_id", "settings"), CASES)
def test_it_learns_the_same_weights(env_id: str, settings: dict[str, Any]) -> None:
    ours, theirs = train(NumpyPPO, env_id, **settings), train(PPO, env_id, **settings)
    found, expected = ours.policy.state_dict(), theirs.policy.state_dict()
    assert found.keys() == expected.keys()
    begun = train(PPO, env_id, steps=0, **settings).policy.state_dict()
    for name, weights in expected.items():
        moved = (weights - begun[name]).abs().max()
        assert moved > 1e-4, name
        # Rounding decides nothing here; a wrong gradient would move the weights elsewhere.
        assert (found[name] - weights).abs().max() < 0.01 * moved, name
    assert ours._n_updates == theirs._n_updates
    assert ours.logger.name_to_value["train/loss"] == pytest.approx(theirs.logger.name_to_value["train/loss"], rel=1e-2)


@pytest.mark.parametrize(("env_id", "settings"), CASES)
def test_plain_stable_baselines3_loads_its_file(env_id: str, settings: dict[str, Any], tmp_path: Path) -> None:
    ours = train(NumpyPPO, env_id, **settings)
    ours.save(tmp_path / "model.zip")
    loaded = PPO.load(tmp_path / "model.zip", device="cpu")
    for name, weights in ours.policy.state_dict().items():
        assert torch.equal(loaded.policy.state_dict()[name], weights)
    states = (loaded.policy.optimizer.state_dict()["state"], ours.policy.optimizer.state_dict()["state"])
    assert [each[0]["step"].item() for each in states] == [_updates(ours)] * 2
    assert torch.equal(states[0][0]["exp_avg"], states[1][0]["exp_avg"])
    again = NumpyPPO.load(tmp_path / "model.zip", device="cpu")
    assert np.array_equal(again._weights._first, ours._weights._first) and again._weights._updates == _updates(ours)
    seen = np.array([ours.observation_space.sample() for _ in range(50)])
    first, second = (each.predict(seen, deterministic=True)[0] for each in (loaded, ours))
    # Equal weights at other places in memory may round otherwise.
    assert np.allclose(first, second, rtol=0.0, atol=1e-6)


def _updates(model: PPO) -> int:
    batches = -(-model.n_steps * model.n_envs // model.batch_size)
    return model._n_updates * batches


@pytest.mark.parametrize(("settles", "expected"), [(None, [1.0] * 3), ((200, 512), [1.0, 0.55, 0.325])])
def test_the_learning_rate_falls_where_a_training_settles(
    settles: tuple[int, int] | None, expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    monkeypatch.setattr(NumpyPPO, "_descend", lambda self, batch, rate: rates.append(rate) or 0.0)
    monkeypatch.setattr(NumpyPPO, "settles", settles)
    train(NumpyPPO, "Pendulum-v1", batch_size=128, learning_rate=1e-3)
    # Three rollouts of 128 steps, with three epochs each.
    assert rates[::3] == pytest.approx([1e-3 * share for share in expected])


def test_a_learner_settles_as_its_job_says() -> None:
    venv = VecNormalize(DummyVecEnv([lambda: gymnasium.make("Pendulum-v1")] * 2))
    assert PPOLearner(PPOPreset(), venv, 0, 1000, 500).model.settles == (500, 1000)
    assert PPOLearner(PPOPreset(), venv, 0, 1000).model.settles is None
