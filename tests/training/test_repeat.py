"""Actions that are held for several steps: what is paid, counted and recorded, and where an episode ends meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table, play
from reward_synth.sandbox.process import RewardProcess
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.loop.rollout import GeneratedReward, TransitionVecEnv

# Pays the position after the step, and in thousands how many steps of the episode the memory has seen.
REWARD = """
def compute_reward(state, action, next_state, memory):
    memory["steps"] = memory.get("steps", 0) + 1
    return {"position": next_state.x, "seen": 1000.0 * memory["steps"], "push": 0.001 * action[0]}
"""
TERMS = ("position", "seen", "push")


class Walk(gymnasium.Env[Any, Any]):
    """Moves by the action; the episode ends after ``length`` steps. Positions of a later episode start at 100."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    action_space = gymnasium.spaces.Box(-10.0, 10.0, (1,))

    def __init__(self, length: int, truncates: bool) -> None:
        self.length, self.truncates, self.episodes = length, truncates, 0
        self.taken: list[float] = []

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.position, self.step_count = 100.0 * self.episodes, 0
        self.episodes += 1
        return np.array([self.position]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before = self.position
        self.position += float(action[0])
        self.taken.append(float(action[0]))
        self.step_count += 1
        ended = self.step_count == self.length
        rows = {"state": np.array([before]), "next_state": np.array([self.position])}
        return np.array([self.position]), 0.0, ended and not self.truncates, ended and self.truncates, rows


@pytest.fixture(scope="module")
def process() -> Iterator[RewardProcess]:
    with RewardProcess(REWARD, (("x", ()),), action_size=1, terms=TERMS) as found:
        yield found


def walking(process: RewardProcess, repeat: int) -> tuple[GeneratedReward, list[Walk]]:
    walks = [Walk(2, truncates=False), Walk(3, truncates=True), Walk(50, truncates=False)]
    venv = TransitionVecEnv([lambda walk=walk: walk for walk in walks], 1)  # type: ignore[misc]
    paying = GeneratedReward(venv, process, repeat)
    paying.reset()
    return paying, walks


def act(venv: GeneratedReward, *pushes: float) -> tuple[Any, Any, Any, Any]:
    observations, rewards, dones, infos = venv.step(np.array(pushes, dtype=np.float32)[:, None])
    return observations[:, 0].tolist(), rewards.tolist(), dones.tolist(), infos


def test_every_step_is_paid_and_the_sum_is_the_decision_s(process: RewardProcess) -> None:
    venv, walks = walking(process, repeat=4)
    observations, rewards, dones, infos = act(venv, 1.0, 2.0, 3.0)
    assert [walk.taken for walk in walks] == [[1.0] * 2, [2.0] * 3, [3.0] * 4]
    # Positions, steps that the memory counts, pushes.
    assert rewards == pytest.approx([1 + 2 + 3000 + 0.002, 2 + 4 + 6 + 6000 + 0.006, 3 + 6 + 9 + 12 + 10000 + 0.012])
    assert dones == [True, True, False]
    assert observations == [100.0, 100.0, 12.0], "those that ended stand at the start of their next episode"
    assert [info.get("terminal_observation", [None])[0] for info in infos] == [2.0, 6.0, None]
    assert [info.get("TimeLimit.truncated") for info in infos] == [False, True, None]
    assert venv.steps == 2 + 3 + 4


def test_a_new_episode_begins_with_a_new_action_and_an_empty_memory(process: RewardProcess) -> None:
    venv, walks = walking(process, repeat=4)
    act(venv, 1.0, 2.0, 3.0)
    observations, rewards, dones, _ = act(venv, -1.0, -2.0, -3.0)
    assert walks[0].taken == [1.0, 1.0, -1.0, -1.0]
    assert rewards[0] == pytest.approx(99 + 98 + 3000 - 0.002)
    assert rewards[2] == pytest.approx(9 + 6 + 3 + 0 + 1000 * (5 + 6 + 7 + 8) - 0.012)
    assert dones == [True, True, False]
    assert observations == [200.0, 200.0, 0.0]
    assert venv.steps == 18


def test_the_window_holds_steps_that_were_taken_only(process: RewardProcess) -> None:
    venv, _ = walking(process, repeat=4)
    _, first, _, _ = act(venv, 1.0, 2.0, 3.0)
    _, second, _, _ = act(venv, -1.0, -2.0, -3.0)
    assert venv.window.reward_per_step == pytest.approx((sum(first) + sum(second)) / 18)
    assert venv.window.episode_length == pytest.approx((2 + 3 + 2 + 3) / 4)
    assert venv.window.take()["seen"][:3] == pytest.approx((1000.0, 1000 * (2 * 3 + 2 * 6 + 36) / 18, 8000.0))


def test_a_reward_is_not_asked_about_those_that_wait() -> None:
    source = """
def compute_reward(state, action, next_state, memory):
    moved = next_state.x - memory.get("x", 2.0)
    memory["x"] = next_state.x
    return {"slowness": 1.0 / moved}
"""
    with RewardProcess(source, (("x", ()),), action_size=1, terms=("slowness",)) as process:
        venv, _ = walking(process, repeat=6)
        # Asked about its last step as if it were a first one, or once more, the first walk would not have moved.
        _, rewards, _, _ = act(venv, 1.0, 1.0, 1.0)
    assert rewards == pytest.approx([-1 + 1, -1 + 2, -1 + 5])


def test_a_repeat_of_one_is_stepping(process: RewardProcess) -> None:
    venv, _ = walking(process, repeat=1)
    for _ in range(2):
        _, rewards, dones, _ = act(venv, 1.0, 2.0, 3.0)
    assert dones == [True, False, False]
    assert rewards == pytest.approx([2002.001, 2004.002, 2006.003])
    assert venv.steps == 6
    venv.check_purity()


def test_all_that_end_together_are_not_asked_again(process: RewardProcess) -> None:
    walks = [Walk(2, truncates=False) for _ in range(2)]
    venv = GeneratedReward(TransitionVecEnv([lambda w=w: w for w in walks], 1), process, 5)  # type: ignore[misc]
    venv.reset()
    act(venv, 1.0, 1.0)
    assert venv.steps == 4
    assert [len(walk.taken) for walk in walks] == [2, 2]


def test_normalisation_sees_decisions(process: RewardProcess) -> None:
    venv, _ = walking(process, repeat=2)
    normalised = VecNormalize(venv, gamma=0.5)
    normalised.reset()
    normalised.step(np.zeros((3, 1), dtype=np.float32))
    # One observation from the reset and one per decision, not per step.
    assert normalised.obs_rms.count == pytest.approx(6, abs=1e-3)
    assert normalised.get_original_reward().tolist() == [3200.0] * 3


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_action_that_is_no_number_is_not_the_reward_s_fault(process: RewardProcess, number: float) -> None:
    venv, walks = walking(process, repeat=1)
    with pytest.raises(RewardSynthError, match="actions are not finite"):
        act(venv, 1.0, number, 1.0)
    assert walks[0].taken == []


def test_playing_holds_actions_and_records_every_step(task: TaskSpec) -> None:
    table = field_table(task)
    asked: list[int] = []

    def policy(observations: np.ndarray) -> np.ndarray:
        asked.append(len(observations))
        return np.full((len(observations), 1), len(asked) / 1000, dtype=np.float32)

    (episode,) = play(task, table, policy, [3], repeat=3)
    assert episode.length > 6, "or it tells little"
    assert len(episode.rows) == episode.length + 1
    assert len(asked) == -(-episode.length // 3)
    expected = np.repeat(np.arange(1, len(asked) + 1), 3)[: episode.length]
    assert episode.actions[:, 0] == pytest.approx(expected / 1000)
