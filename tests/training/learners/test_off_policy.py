"""SAC and TQC: short trainings in the worker under its lock, and what a checkpoint and a saved policy keep of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import LearnerName
from reward_synth.core.types import TrainResult
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.policy import load_policy
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop import learning
from reward_synth.training.loop.checkpoint import load_checkpoint, restore, save_checkpoint
from reward_synth.training.loop.evaluation_callback import LOOKS, Watch
from reward_synth.training.loop.policy_export import policy_of
from reward_synth.training.outcomes import RungEnd, outcome_of
from reward_synth.training.presets import OffPolicyPreset
from tests.training.cases import REWARD, make_job, run_jobs

LEARNERS = ("sac", "tqc")
ENVIRONMENTS, REPEAT = 4, 2
STEPS = 6000


def off_policy_job(folder: Path, task: TaskSpec, learner: LearnerName = "sac", **changes: object) -> TrainJob:
    preset = OffPolicyPreset(
        learner=learner,
        environments=ENVIRONMENTS,
        action_repeat=REPEAT,
        gradient_steps=4,
        batch_size=64,
        hidden=(32, 32),
        learning_starts=200,
    )
    return make_job(folder, task, **({"steps": STEPS, "preset": preset} | changes))  # type: ignore[arg-type]


Made = tuple[Any, Learner, Watch]


@contextmanager
def makers(job: TrainJob) -> Iterator[Any]:
    """Gives a function that makes environments, learner and watch, as a trainer has them."""
    job.folder.mkdir()
    table = field_table(job.task)
    read, measured = table.subset(job.fields), measured_table(job.task, table)
    with (
        scoring_process(job.task, measured.layout()) as verdict,
        RewardProcess(REWARD, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):

        def make() -> Made:
            venv = learning.make_environments(job, read, reward)
            learner = open_learner(job, venv)
            return venv, learner, Watch(job, measured, verdict, venv, learner)

        yield make


def test_nothing_is_lost_but_the_episodes(task: TaskSpec, tmp_path: Path) -> None:
    """TQC, against one that never left its process, and only begins its episodes anew."""
    job = off_policy_job(tmp_path / "train", task, "tqc", steps=1600)
    first = 800
    with makers(job) as make:
        venv, learner, watch = stayed = make()
        learner.model.learn(first, callback=watch)
        save_checkpoint(job, learner, venv, watch)
        done = learner.model.num_timesteps
        venv.seed(job.seed + done)
        learner.model._last_obs = None
        newest = learner.model.replay_buffer.pos - 1
        learner.model.replay_buffer.timeouts[newest] = 1 - learner.model.replay_buffer.dones[newest]
        learner.model.learn(first, callback=watch, reset_num_timesteps=False)

        venv, learner, watch = back = make()
        content = load_checkpoint(job)
        assert content is not None
        restore(content, job, learner, venv, watch)
        assert learner.model.num_timesteps == done
        learner.model.learn(first, callback=watch, reset_num_timesteps=False)
    ours, theirs = stayed[1].state(), back[1].state()
    assert ours["updates"] == theirs["updates"] > 0
    assert torch.equal(ours["entropy"], theirs["entropy"])
    for name, weights in ours["networks"]["policy"].items():
        assert torch.equal(weights, theirs["networks"]["policy"][name]), name
    for name in ("actor.optimizer", "critic.optimizer", "ent_coef_optimizer"):
        moments, others = (each["networks"][name]["state"] for each in (ours, theirs))
        assert moments[0]["step"] == others[0]["step"] > 0
        assert all(torch.equal(moments[number]["exp_avg_sq"], others[number]["exp_avg_sq"]) for number in moments), name
    for name, array in ours["memory"].items():
        assert torch.equal(array, theirs["memory"][name]), name
    assert np.array_equal(stayed[0].ret_rms.var, back[0].ret_rms.var)
    assert stayed[2].evaluations[-1] == back[2].evaluations[-1]

    model, seen = back[1].model, np.random.default_rng(0).normal(size=(1000, 4))
    expected, _ = model.predict(venv.normalize_obs(seen), deterministic=True)
    assert np.abs(policy_of(model, venv)(seen) - expected).max() < 1e-4


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_saved_policy_does_what_the_actor_does(task: TaskSpec, tmp_path: Path, learner: LearnerName) -> None:
    with makers(off_policy_job(tmp_path / "train", task, learner)) as make:
        venv, made, _ = make()
    # Weights that use the whole range of actions, wherever their first values are.
    for weights in made.model.actor.parameters():
        weights.data *= 3
    venv.obs_rms.update(np.random.default_rng(1).normal(2.0, 3.0, size=(100, 4)))
    policy_of(made.model, venv, REPEAT).save(tmp_path / "policy.npz")
    policy = load_policy(tmp_path / "policy.npz")
    seen = np.random.default_rng(0).normal(2.0, 6.0, size=(1000, 4))
    expected, _ = made.model.predict(venv.normalize_obs(seen), deterministic=True)
    assert expected.std() > 1.0 and np.abs(expected).max() <= 3.0
    assert np.abs(policy(seen) - expected).max() < 1e-4
    assert policy.repeat == REPEAT


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_weight_that_is_not_finite_is_seen(task: TaskSpec, tmp_path: Path, learner: LearnerName) -> None:
    with makers(off_policy_job(tmp_path / "train", task, learner)) as make:
        _, made, _ = make()
    made.model._setup_learn(0)
    assert made.is_finite()
    state = made.state()
    state["networks"]["policy"]["critic.qf0.0.weight"][0, 0] = float("nan")
    made.restore(state, seed=0)
    assert not made.is_finite()


def test_a_checkpoint_of_another_network_is_told(task: TaskSpec, tmp_path: Path) -> None:
    job = off_policy_job(tmp_path / "train", task)
    with makers(job) as make:
        venv, learner, watch = make()
        save_checkpoint(job, learner, venv, watch)
        content = load_checkpoint(job)
        assert content is not None
        content["learner"]["networks"]["policy"].pop("actor.mu.bias")
        with pytest.raises(RewardSynthError, match="cannot go on from the checkpoint"):
            restore(content, job, learner, venv, watch)


def test_a_checkpoint_of_jax_s_learners_is_no_start(task: TaskSpec, tmp_path: Path) -> None:
    job = off_policy_job(tmp_path / "train", task)
    with makers(job) as make:
        venv, learner, watch = make()
        save_checkpoint(job, learner, venv, watch)
    content = load_checkpoint(job)
    assert content is not None
    content["learner"] = {"networks": {"actor_state": []}, "keys": [[0, 1]]}
    torch.save(content, job.checkpoint_path)
    assert load_checkpoint(job) is None


UNTRAINED_SECONDS = 2.4


def test_it_pauses_goes_on_and_learns_in_the_worker(task: TaskSpec, tmp_path: Path) -> None:
    job = off_policy_job(tmp_path, task)
    stands_at = paused(job.model_copy(update={"until": STEPS // 2}))
    finishes(job, stands_at)


def paused(job: TrainJob) -> TrainResult:
    """The first half of the training, which leaves all to go on from."""
    result = run_jobs([job])[job.folder]
    assert (result.status, result.reason) == ("paused", "")
    assert STEPS // 2 <= result.steps < STEPS // 2 + ENVIRONMENTS * REPEAT
    assert (job.folder / "stderr.txt").read_text() == ""
    assert RungEnd.of(job) is not None
    assert load_policy(job.policy_path).repeat == REPEAT
    content = load_checkpoint(job)
    assert content is not None
    remembered = content["learner"]["memory"]["observations"]
    # Every decision is one row; the poles that fell in its first step made one step of it.
    assert result.steps <= remembered.shape[0] * ENVIRONMENTS * REPEAT < 2 * result.steps
    assert content["observations"]["count"] == pytest.approx(remembered.shape[0] * ENVIRONMENTS, abs=ENVIRONMENTS + 1)
    assert job.checkpoint_path.stat().st_size < 400_000
    return result


def finishes(job: TrainJob, earlier: TrainResult) -> None:
    """The second half, which ends better than the first."""
    result = run_jobs([job])[job.folder]
    assert (result.status, result.reason) == ("trained", "")
    assert outcome_of(job) == result
    assert (job.folder / "stderr.txt").read_text() == ""
    assert [point.step for point in result.evaluations] == [earlier.steps, result.steps]
    assert result.evaluations[0] == earlier.evaluations[0]
    assert STEPS <= result.steps < STEPS + ENVIRONMENTS * REPEAT
    first, last = (point.fitness for point in result.evaluations)
    # Better than before, and far from an untrained policy, whose pole falls within 60 steps. How much better the second
    # half is depends on the processor's rounding.
    assert last >= first and last > 4 * UNTRAINED_SECONDS
    with (job.folder / "progress.csv").open(newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    assert steps == sorted(set(steps))
    assert LOOKS / 2 < len(steps) <= LOOKS + 2
    assert read_progress(job.folder).step == result.steps
    # Every step is recorded, though the policy decides at every second one.
    episodes = [Episode.load(path) for path in sorted(job.trajectories.glob("*.npz"))]
    assert len(episodes) == len(result.episodes) >= job.task.evaluation.episodes
    for episode in episodes:
        assert len(episode.rows) == episode.length + 1
        decisions = episode.actions[::REPEAT]
        assert np.array_equal(np.repeat(decisions, REPEAT, axis=0)[: episode.length], episode.actions)
        # At first: a pole that stands asks for the same again and again.
        assert len(np.unique(decisions[:50])) > 25
