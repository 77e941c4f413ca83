"""What the learner is paid and sees, beside stable-baselines3's own normalisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth.core.names import LearnerName
from reward_synth.evaluation.play import field_table
from reward_synth.sandbox.process import RewardProcess, ScoringProcess
from reward_synth.tasks.spec import load_task
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop.checkpoint import load_checkpoint, restore, save_checkpoint
from reward_synth.training.loop.evaluation_callback import Watch
from reward_synth.training.loop.learning import make_environments
from reward_synth.training.loop.normalisation import Normalised
from reward_synth.training.presets import get_preset
from tests.training.cases import make_job


class Wandering(gymnasium.Env[Any, Any]):
    """Its episodes last ten steps, and may end before that."""

    observation_space = Box(-np.inf, np.inf, (3,))
    action_space = Box(-1.0, 1.0, (1,))

    def __init__(self, seed: int, constant: float, scale: float, ends: bool) -> None:
        self._random = np.random.default_rng(seed)
        self._constant, self._scale, self._ends = constant, scale, ends
        self._steps = 0

    def _seen(self) -> NDArray[Any]:
        return self._random.normal(2.0, 3.0, size=3).astype(np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[NDArray[Any], dict[str, Any]]:
        self._steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        self._steps += 1
        reward = self._scale * (self._constant + self._random.normal())
        ended = self._ends and self._random.random() < 0.1
        return self._seen(), reward, ended, not ended and self._steps == 10, {}


def paid(kind: type[VecNormalize], constant: float = 0.0, scale: float = 1.0, ends: bool = False, **more: Any) -> Any:
    """What 400 steps of four environments give: observations, rewards, and last observations of episodes."""
    makers = [
        lambda seed=seed: Wandering(seed, constant, scale, ends)  # type: ignore[misc]
        for seed in range(4)
    ]
    venv = kind(DummyVecEnv(makers), gamma=0.9, clip_obs=1.5, **more)
    found: list[list[Any]] = [[venv.reset()], [], []]
    for _ in range(400):
        observations, rewards, dones, infos = venv.step(np.zeros((4, 1)))
        found[0].append(observations)
        found[1].append(rewards)
        found[2] += [infos[index]["terminal_observation"] for index in np.flatnonzero(dones)]
    return [np.array(each) for each in found]


@pytest.mark.parametrize("ends", [False, True])
def test_it_is_the_library_s_own_where_a_constant_means_something(ends: bool) -> None:
    ours, theirs = paid(Normalised, 1.0, ends=ends, centred=False), paid(VecNormalize, 1.0, ends=ends)
    for found, expected in zip(ours, theirs, strict=True):
        assert found.dtype == np.float32 and found.shape == expected.shape
        assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("constant", "scale"), [(10.0, 1.0), (0.0, 1000.0), (-3.0, 0.01)])
def test_neither_a_constant_nor_a_scale_is_paid_where_nothing_ends_early(constant: float, scale: float) -> None:
    plain, changed = (paid(Normalised, *each, centred=True)[1] for each in ((0.0, 1.0), (constant, scale)))
    assert plain[100:].std() > 0.1
    assert np.allclose(plain[100:], changed[100:], atol=0.02)
    with_library = paid(VecNormalize, 10.0)[1][100:]
    assert with_library.std() < 0.5 * plain[100:].std(), "the library's own divisor holds the constant"


@pytest.mark.parametrize(
    ("name", "learner", "centred"),
    [
        ("half_cheetah_run_forward", "ppo", True),
        ("half_cheetah_run_forward", "sac", False),
        ("hopper_hop_forward", "ppo", False),
        ("inverted_pendulum_balance", "ppo", False),
    ],
)
def test_only_ppo_s_rewards_are_centred_and_only_where_nothing_can_end_an_episode(
    name: str, learner: LearnerName, centred: bool, tmp_path: Path
) -> None:
    task = load_task(name)
    source = "def compute_reward(state, action, next_state):\n    return {'one': 1.0 + 0.0 * next_state.x_position}\n"
    table = field_table(task)
    field = next(iter(table)).name
    source = source.replace("x_position", field)
    job = make_job(tmp_path, task, source, fields=(field,), terms=("one",), preset=get_preset(learner))
    read = table.subset(job.fields)
    with RewardProcess(source, read.layout(), action_size=len(table.actions), terms=job.terms) as reward:
        venv, again, later = (make_environments(job, read, reward) for _ in range(3))
        assert venv.centred is centred
        # What goes on from a checkpoint is paid as it was before, also by an earlier version.
        venv.reward_rms.mean = np.array(5.0)
        job.folder.mkdir()
        for before, after in ((venv, again), (again, later)):
            learner = open_learner(job, before)
            watch = Watch(job, read, cast(ScoringProcess, None), before, learner)
            save_checkpoint(job, learner, before, watch)
            content = load_checkpoint(job)
            assert content is not None
            if before is again:
                content.pop("rewards")
            learner = open_learner(job, after)
            restore(content, job, learner, after, Watch(job, read, cast(ScoringProcess, None), after, learner))
        assert again.centred is centred and float(again.reward_rms.mean) == (5.0 if centred else 0.0)
        assert later.centred is False
        for each in (venv, again, later):
            each.close()
