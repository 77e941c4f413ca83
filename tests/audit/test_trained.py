from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth.audit.own_reward import OwnReward
from reward_synth.audit.trained import read_trained
from reward_synth.core.errors import RewardSynthError
from reward_synth.tasks.spec import EnvironmentSpec

ENV = "InvertedPendulum-v5"


def saved(kind: type, folder: Path, env_id: str = ENV, **options: object) -> tuple[Path, Path, object, VecNormalize]:
    venv = VecNormalize(DummyVecEnv([lambda: gymnasium.make(env_id)]))
    venv.reset()
    for _ in range(50):
        venv.step(np.array([venv.action_space.sample()]))
    model = kind("MlpPolicy", venv, seed=0, device="cpu", **options)
    model.save(folder / "model.zip")
    venv.save(str(folder / "vec.pkl"))
    return folder / "model.zip", folder / "vec.pkl", model, venv


@pytest.mark.parametrize("kind", [PPO, SAC, TD3])
def test_the_policy_acts_as_it_does_in_stable_baselines3(kind: type, tmp_path: Path) -> None:
    path, vec, model, venv = saved(kind, tmp_path, gamma=0.97)
    trained = read_trained(path, vec)
    assert trained.discount == 0.97 and "clipped there" in trained.maximises
    policy = trained.policy(OwnReward.of(EnvironmentSpec.of(ENV)).table)
    seen = np.random.default_rng(0).normal(size=(6, 4))
    acted, _ = model.predict(venv.normalize_obs(seen), deterministic=True)  # type: ignore[attr-defined]
    assert policy(seen) == pytest.approx(acted, abs=1e-5)
    assert read_trained(path).maximises == "the reward as the environment gives it"


class Evil:
    def __reduce__(self):
        return os.system, ("touch broken-out",)


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, vec, *_ = saved(PPO, tmp_path)
    vec.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(RewardSynthError, match=r"is refused: Refused: it names posix\.system"):
        read_trained(path, vec)
    weights = io.BytesIO()
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"action_net.weight": Evil()}))
    rewritten(path, "policy.pth", weights.getvalue())
    with pytest.raises(RewardSynthError, match=r"it names posix\.system"):
        read_trained(path)
    assert not (tmp_path / "broken-out").exists()


def rewritten(path: Path, part: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()} | {part: content}
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in parts.items():
            archive.writestr(name, each)


def test_the_pickled_parts_of_a_models_settings_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, *_ = saved(PPO, tmp_path, policy_kwargs={"net_arch": [8], "activation_fn": __import__("torch").nn.ReLU})
    assert read_trained(path).activation == "relu", "its name stands beside the pickle"
    rewritten(path, "data", b'{"gamma": 0.9, "policy_class": {":serialized:": "gASV"}, "lr": {":serialized:": "!"}}')
    assert read_trained(path).discount == 0.9


def test_other_files_and_other_policies_are_refused_in_words(tmp_path: Path) -> None:
    path, vec, *_ = saved(PPO, tmp_path)
    with pytest.raises(RewardSynthError, match="is refused"):
        read_trained(vec)
    with pytest.raises(RewardSynthError, match="is no file"):
        read_trained(tmp_path / "nothing.zip")
    with pytest.raises(RewardSynthError, match="is refused"):
        read_trained(path, path)
    other = tmp_path / "other"
    other.mkdir()
    values, *_ = saved(DQN, other, "CartPole-v1")
    with pytest.raises(RewardSynthError, match="learns values of actions"):
        read_trained(values)
    with pytest.raises(RewardSynthError, match="has 1 actions, and the environment 6"):
        read_trained(path).policy(OwnReward.of(EnvironmentSpec.of("HalfCheetah-v5")).table)
