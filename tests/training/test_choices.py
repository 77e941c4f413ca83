"""Policies that choose one of several actions: what they draw, what rewards are told, and that they learn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.policy import Policy, load_policy
from reward_synth.evaluation.scoring import measured_table
from reward_synth.sandbox.process import RewardProcess
from reward_synth.simulators.crafter.sight import OBSERVED
from reward_synth.state.fields import ActionDimension, Field
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import load_task
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop.policy_export import policy_of
from reward_synth.training.loop.rollout import GeneratedReward, TransitionVecEnv
from reward_synth.training.presets import OffPolicyPreset, get_preset
from tests.training.cases import make_job, run_jobs

WOOD = load_task("crafter/collect_wood").model_copy(update={"horizon": 60})


class Doors(gymnasium.Env[Any, Any]):
    """Three doors; the observation says which one is open, the newest choice is the state."""

    observation_space = gymnasium.spaces.Box(0.0, 1.0, (3,))
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self) -> None:
        self.chosen: list[Any] = []
        self.open = 0

    def reset(self, *, seed: int | None = None, **_: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.chosen.append(action)
        reward = float(action == self.open)
        return self._look(), reward, False, len(self.chosen) % 20 == 0, {}

    def _look(self) -> Any:
        self.open = int(self.np_random.integers(3))
        return np.eye(3, dtype=np.float32)[self.open]


TABLE = FieldTable(
    [Field("open_door", (), "1", 0.0, 2.0, "Number of the open door.", read=lambda env: float(env.open))],
    [ActionDimension(k, f"door_{k}", "chosen", 0.0, 1.0, "Goes there.") for k in range(3)],
    discrete=True,
)


@pytest.fixture(scope="module")
def learned() -> tuple[PPO, VecNormalize]:
    torch.set_num_threads(1)
    venv = VecNormalize(DummyVecEnv([Doors]))
    learner = PPO("MlpPolicy", venv, n_steps=128, n_epochs=3, learning_rate=1e-3, seed=1, device="cpu")
    learner.learn(512)
    return learner, venv


def test_a_saved_policy_draws_by_its_learners_probabilities(learned: tuple[PPO, VecNormalize], tmp_path: Path) -> None:
    learner, venv = learned
    policy_of(learner, venv).save(tmp_path / "policy.npz")
    policy = load_policy(tmp_path / "policy.npz")
    assert policy.draws and policy.output == "sample"
    seen = np.eye(3, dtype=np.float32)
    with torch.no_grad():
        wanted = learner.policy.get_distribution(torch.as_tensor(venv.normalize_obs(seen))).distribution.probs.numpy()
    assert 0.4 < wanted.max() < 0.99 and wanted.min() > 0.005, "the test needs a policy that is neither sure nor even"
    generators = [np.random.default_rng(k) for k in range(3)]
    drawn = np.mean([policy(seen, generators) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(drawn, wanted, atol=0.03)
    action = policy(seen, generators)
    assert action.shape == (3, 3) and np.all(action.sum(axis=1) == 1.0) and set(np.unique(action)) <= {0.0, 1.0}


def policy_with(bias: list[float], **changes: Any) -> Policy:
    count = len(bias)
    return Policy(
        layers=((np.zeros((2, count), np.float32), np.array(bias, np.float32)),),
        activation="tanh",
        output="sample",
        low=np.zeros(count, np.float32),
        high=np.ones(count, np.float32),
        mean=np.zeros(2),
        variance=np.ones(2),
        epsilon=1e-8,
        bound=10.0,
        **changes,
    )


def test_a_policy_that_draws_wants_a_generator_for_each_observation() -> None:
    policy = policy_with([0.0, 0.0])
    for generators in (None, [np.random.default_rng(0)]):
        with pytest.raises(ValueError, match="one generator for each"):
            policy(np.zeros((2, 2)), generators)


@pytest.mark.parametrize("bias", [[-900.0, 900.0, 0.0], [0.0, 2000.0, -2000.0]])
def test_preferences_of_any_size_are_taken(bias: list[float]) -> None:
    drawn = policy_with(bias)(np.zeros((50, 2)), [np.random.default_rng(k) for k in range(50)])
    np.testing.assert_array_equal(drawn, np.tile([0.0, 1.0, 0.0], (50, 1)))


def test_an_episode_depends_on_its_seed_and_not_on_what_is_played_beside_it() -> None:
    table = measured_table(WOOD, field_table(WOOD))
    width = OBSERVED
    policy = policy_with([0.0, *[1.0] * 5, *[-1.0] * 11])
    policy = Policy(
        **{
            **{name: getattr(policy, name) for name in policy.__dataclass_fields__},
            "layers": ((np.zeros((width, 17), np.float32), policy.layers[0][1]),),
            "mean": np.zeros(width),
            "variance": np.ones(width),
        }
    )
    together = play(WOOD, table, policy, (1, 2, 3))
    (alone,) = play(WOOD, table, policy, (2,))
    np.testing.assert_array_equal(together[1].actions, alone.actions)
    np.testing.assert_array_equal(together[1].rows, alone.rows)
    assert not np.array_equal(together[0].actions[:10], together[1].actions[:10])
    assert np.all(alone.actions.sum(axis=1) == 1.0)


REWARD = """
def compute_reward(state, action, next_state):
    return {"first": action[0], "second": 2.0 * action[1], "size": 0.001 * len(action)}
"""


@pytest.fixture(scope="module")
def process() -> Iterator[RewardProcess]:
    with RewardProcess(REWARD, (("open_door", ()),), action_size=3, terms=("first", "second", "size")) as found:
        yield found


def test_rewards_are_told_a_vector_and_the_environment_a_number(process: RewardProcess) -> None:
    doors = [Doors() for _ in range(3)]
    venv = TransitionVecEnv([lambda door=door: StateRecorder(door, TABLE) for door in doors], 1)  # type: ignore[misc]
    paying = GeneratedReward(venv, process)
    paying.reset()
    _, rewards, _, _ = paying.step(np.array([0, 1, 2]))
    assert rewards.tolist() == pytest.approx([1.003, 2.003, 0.003])
    assert [door.chosen for door in doors] == [[0], [1], [2]]
    paying.check_purity()


def test_a_recorder_takes_a_vector_for_its_largest_element() -> None:
    door = Doors()
    recorder = StateRecorder(door, TABLE)
    recorder.reset(seed=0)
    for action in (np.array([0.0, 0.0, 1.0]), np.array([-1.0, 1.0, -1.0]), 2, np.int64(1)):
        recorder.step(action)
    assert door.chosen == [2, 1, 2, 1] and all(type(each) is int for each in door.chosen)


def test_other_learners_are_refused(tmp_path: Path) -> None:
    job = make_job(tmp_path, WOOD, preset=OffPolicyPreset())
    with pytest.raises(RewardSynthError, match="one of several actions"):
        open_learner(job, VecNormalize(DummyVecEnv([Doors])))


SOURCE = """
def compute_reward(state, action, next_state):
    return {
        "sparse_wood": 3.0 * (next_state.wood - state.wood),
        "approach": state.tree_distance - next_state.tree_distance,
        "moved": 0.01 * float(action[1:5].sum()),
    }
"""


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["sum", "sign"])
def test_a_short_training_inside_the_lock(scale: str, tmp_path: Path) -> None:
    task = WOOD.model_copy(update={"training": WOOD.training.model_copy(update={"scale": scale})})
    job = make_job(
        tmp_path,
        task,
        SOURCE,
        steps=12_000,
        fields=("tree_distance", "wood"),
        terms=("sparse_wood", "approach", "moved"),
        preset=get_preset("ppo", "explore"),
        stop_when_solved=False,
        evaluation_episodes=8,
    )
    result = run_jobs([job])[job.folder]
    assert result.status == "trained", result.reason
    first, *_, last = result.evaluations
    assert last.fitness > 0.5 and last.fitness >= first.fitness - 0.2
    policy = load_policy(job.policy_path)
    assert policy.draws
    if scale == "sum":
        assert result.dense_sums is None
    else:
        assert result.dense_sums is not None
        low, high = result.dense_sums
        # Sixty steps of at most a tenth: hints outweigh the goal.
        assert -6.0 - 1e-9 <= low < high <= 6.0 + 1e-9 and high > 1.0
