"""Our PPO is stable-baselines3's, but for what it logs."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from reward_synth.training.learners.ppo import PlainPPO


def train(kind: type[PPO], env_id: str, **settings: Any) -> PPO:
    venv = DummyVecEnv([lambda: gymnasium.make(env_id)] * 4)
    # The gradient is cut at this norm in some updates and not in others.
    learner = kind("MlpPolicy", venv, n_steps=32, n_epochs=3, seed=5, device="cpu", max_grad_norm=0.7, **settings)
    return learner.learn(384)


@pytest.mark.parametrize(
    ("env_id", "settings"),
    [
        ("Pendulum-v1", {"batch_size": 128}),
        ("Pendulum-v1", {"batch_size": 32, "learning_rate": 3e-3, "gae_lambda": 0.9}),
        ("Pendulum-v1", {"batch_size": 32, "ent_coef": 0.02}),
        ("CartPole-v1", {"batch_size": 64, "ent_coef": 0.01}),
    ],
)
def test_it_learns_the_same_weights(env_id: str, settings: dict[str, Any]) -> None:
    ours, theirs = train(PlainPPO, env_id, **settings), train(PPO, env_id, **settings)
    found, expected = ours.policy.state_dict(), theirs.policy.state_dict()
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        assert torch.equal(found[name], weights), name
    assert ours._n_updates == theirs._n_updates
    assert ours.logger.name_to_value["train/loss"] == pytest.approx(theirs.logger.name_to_value["train/loss"])
