"""A saved policy does what its learner does, and a file that is none is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.policy import Policy, load_policy
from reward_synth.training.loop.policy_export import policy_of

Learned = tuple[Any, VecNormalize]


def small_ppo(venv: VecNormalize) -> PPO:
    return PPO("MlpPolicy", venv, n_steps=256, n_epochs=2, learning_rate=3e-3, seed=1, device="cpu")


def small_sac(venv: VecNormalize) -> SAC:
    return SAC("MlpPolicy", venv, learning_starts=100, batch_size=32, seed=1, device="cpu")


@pytest.fixture(scope="module", params=[small_ppo, small_sac])
def learned(request: pytest.FixtureRequest) -> Learned:
    torch.set_num_threads(1)
    # Reacher: its actions are small beside its observations, some of which leave the normalised range.
    venv = VecNormalize(DummyVecEnv([lambda: gymnasium.make("Reacher-v5")]), clip_obs=2.0)
    make: Callable[[VecNormalize], Any] = request.param
    learner = make(venv)
    learner.learn(512 if make is small_ppo else 150)
    return learner, venv


def observations(venv: VecNormalize) -> np.ndarray:
    statistics = venv.obs_rms
    noise = np.random.default_rng(0).normal(size=(1000, *statistics.mean.shape))
    seen: np.ndarray = statistics.mean + 2 * np.sqrt(statistics.var) * noise
    return seen


def test_a_loaded_policy_acts_as_its_learner_does(learned: Learned, tmp_path: Path) -> None:
    learner, venv = learned
    seen = observations(venv)
    expected, _ = learner.predict(venv.normalize_obs(seen), deterministic=True)
    policy = policy_of(learner, venv)
    policy.save(tmp_path / "policy.npz")
    found = load_policy(tmp_path / "policy.npz")(seen)
    assert found.shape == expected.shape and expected.std() > 0.05
    assert np.abs(found - expected).max() < 1e-5
    assert np.array_equal(found, policy(seen))
    assert [path.name for path in tmp_path.iterdir()] == ["policy.npz"]


def test_a_policy_does_not_change_as_its_learner_learns_on(learned: Learned) -> None:
    learner, venv = learned
    seen = observations(venv)
    policy = policy_of(learner, venv)
    before = policy(seen)
    learner.learn(200, reset_num_timesteps=False)
    assert np.array_equal(policy(seen), before)
    assert not np.array_equal(policy_of(learner, venv)(seen), before)


def test_another_network_is_refused(learned: Learned) -> None:
    _, venv = learned
    learner = PPO("MlpPolicy", venv, policy_kwargs={"activation_fn": torch.nn.ELU}, device="cpu")
    with pytest.raises(ValueError, match="ELU"):
        policy_of(learner, venv)


def sound() -> dict[str, Any]:
    return {
        "format": 1,
        "activation": "tanh",
        "output": "clip",
        "low": np.full(1, -1.0),
        "high": np.ones(1),
        "mean": np.zeros(3),
        "variance": np.ones(3),
        "epsilon": 1e-8,
        "bound": 10.0,
        "layers": 2,
        "weight_0": np.ones((3, 4)),
        "bias_0": np.zeros(4),
        "weight_1": np.ones((4, 1)),
        "bias_1": np.zeros(1),
    }


def test_the_format_is_what_it_says(tmp_path: Path) -> None:
    np.savez(tmp_path / "policy.npz", **sound())
    policy = load_policy(tmp_path / "policy.npz")
    assert isinstance(policy, Policy)
    actions = policy(np.array([[0.0, 0.0, 0.0], [0.05, 0.05, 0.0], [5.0, 5.0, 5.0]]))
    assert actions[:, 0] == pytest.approx([0.0, 4 * np.tanh(0.1), 1.0])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": 3}, "format"),
        ({"format": 2}, "repeat"),
        ({"format": 2, "repeat": 0}, "repeat"),
        ({"format": 2, "repeat": 1.5}, "repeat"),
        ({"activation": "exec"}, "exec"),
        ({"output": "raw"}, "raw"),
        ({"bias_0": np.array([0.0, 0.0, np.nan, 0.0])}, "bias_0"),
        ({"weight_1": np.full((4, 1), np.inf)}, "weight_1"),
        ({"low": np.array([np.nan])}, "low"),
        ({"output": "squash", "high": np.array([np.inf])}, "high"),
        ({"weight_1": np.ones((3, 1))}, "layer 1"),
        ({"weight_0": np.ones(4)}, "layer 0"),
        ({"weight_0": np.ones((3, 4), dtype=int)}, "int"),
        ({"bias_1": np.zeros(2)}, "layer 1"),
        ({"mean": np.zeros(2), "variance": np.ones(2)}, "layer 0"),
        ({"variance": np.ones(2)}, "variance"),
        ({"high": np.ones(2)}, "high"),
        ({"variance": np.full(3, -1.0)}, "positive"),
        ({"epsilon": 0.0}, "positive"),
        ({"bound": -1.0}, "positive"),
        ({"layers": 0}, "policy"),
        ({"layers": 3}, "weight_2"),
        ({"layers": np.ones(2)}, "policy"),
        ({"weight_0": np.array([[object()] * 4] * 3)}, "allow_pickle"),
    ],
)
def test_an_unsound_file_is_refused(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    np.savez(tmp_path / "policy.npz", **(sound() | change))
    with pytest.raises(RewardSynthError, match="cannot read the policy") as refused:
        load_policy(tmp_path / "policy.npz")
    assert word in str(refused.value)


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(Trap()))
    np.savez(tmp_path / "array.npz", **(sound() | {"weight_0": np.array([Trap()])}))
    np.save(tmp_path / "single.npy", np.ones(3))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "array.npz").read_bytes()[:200])
    for name in ("plain.npz", "array.npz", "single.npy", "torn.npz", "missing.npz"):
        with pytest.raises(RewardSynthError, match=r"cannot read the policy|there is no policy"):
            load_policy(tmp_path / name)
    assert not (tmp_path / "sprung").exists()
    pickle.loads((tmp_path / "plain.npz").read_bytes())
    assert (tmp_path / "sprung").exists(), "the trap itself does not work"


def test_reading_a_policy_needs_no_torch(tmp_path: Path) -> None:
    np.savez(tmp_path / "policy.npz", **sound())
    code = (
        "import sys; from pathlib import Path; from reward_synth.evaluation.policy import load_policy;"
        f"load_policy(Path({str(tmp_path / 'policy.npz')!r}));"
        "print(*[name for name in ('torch', 'stable_baselines3', 'gymnasium') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []


def test_an_observation_of_another_size_is_refused_with_what_may_be_missing(learned: Learned) -> None:
    learner, venv = learned
    policy = policy_of(learner, venv)
    with pytest.raises(ValueError, match=r"takes observations of 10 numbers, not 9.*environment\.observes"):
        policy(np.zeros((3, 9)))
