"""What is looked at within a process that has JAX in it: ``python -m tests.training.on_jax FOLDER``.

A process of its own, because one that holds JAX can no longer start others safely, as further tests must. It prints, as
JSON, what went wrong in each check; nothing where all is well.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import LearnerName
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.policy import load_policy
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.sandbox.process import RewardProcess
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop import learning
from reward_synth.training.loop.checkpoint import load_checkpoint, restore, save_checkpoint
from reward_synth.training.loop.evaluation_callback import Watch
from reward_synth.training.loop.policy_export import policy_of
from reward_synth.training.presets import OffPolicyPreset
from tests.training.cases import REWARD, make_job

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
        scoring_process(job.task, measured) as verdict,
        RewardProcess(REWARD, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):

        def make() -> Made:
            venv = learning.make_environments(job, read, reward)
            learner = open_learner(job, venv)
            return venv, learner, Watch(job, measured, verdict, venv, learner)

        yield make


def nothing_is_lost_but_the_episodes(task: TaskSpec, folder: Path) -> None:
    """TQC, against one that never left its process, and only begins its episodes anew."""
    job = off_policy_job(folder, task, "tqc", steps=1600)
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
    assert ours["keys"] == theirs["keys"]
    for name, tensors in ours["networks"].items():
        assert all(torch.equal(one, other) for one, other in zip(tensors, theirs["networks"][name], strict=True)), name
    for name, array in ours["memory"].items():
        assert torch.equal(array, theirs["memory"][name]), name
    assert np.array_equal(stayed[0].ret_rms.var, back[0].ret_rms.var)
    assert stayed[2].evaluations[-1] == back[2].evaluations[-1]

    model, seen = back[1].model, np.random.default_rng(0).normal(size=(1000, 4))
    expected, _ = model.predict(venv.normalize_obs(seen), deterministic=True)
    assert np.abs(policy_of(model, venv)(seen) - expected).max() < 1e-4


def a_saved_policy_does_what_the_actor_does(task: TaskSpec, folder: Path, learner: LearnerName) -> None:
    with makers(off_policy_job(folder, task, learner)) as make:
        venv, made, _ = make()
    # Weights that use the whole range of actions, wherever their first values are.
    state = made.state()
    state["networks"]["actor_state"] = [3 * tensor for tensor in state["networks"]["actor_state"]]
    made.restore(state, seed=0)
    venv.obs_rms.update(np.random.default_rng(1).normal(2.0, 3.0, size=(100, 4)))
    policy_of(made.model, venv, REPEAT).save(folder / "policy.npz")
    policy = load_policy(folder / "policy.npz")
    seen = np.random.default_rng(0).normal(2.0, 6.0, size=(1000, 4))
    expected, _ = made.model.predict(venv.normalize_obs(seen), deterministic=True)
    assert expected.std() > 1.0 and np.abs(expected).max() <= 3.0
    assert np.abs(policy(seen) - expected).max() < 1e-4
    assert policy.repeat == REPEAT


def a_weight_that_is_not_finite_is_seen(task: TaskSpec, folder: Path, learner: LearnerName) -> None:
    with makers(off_policy_job(folder, task, learner)) as make:
        _, made, _ = make()
    made.model._setup_learn(0)
    assert made.is_finite()
    state = made.state()
    assert {tensor.dtype for tensors in state["networks"].values() for tensor in tensors} <= {
        torch.float32,
        torch.int32,
        torch.int64,
    }
    weights = max(state["networks"], key=lambda name: "qf" in name)
    next(tensor for tensor in state["networks"][weights] if tensor.ndim > 1)[0, 0] = float("nan")
    made.restore(state, seed=0)
    assert not made.is_finite()


def a_checkpoint_of_another_network_is_told(task: TaskSpec, folder: Path) -> None:
    job = off_policy_job(folder, task)
    with makers(job) as make:
        venv, learner, watch = make()
        save_checkpoint(job, learner, venv, watch)
        content = load_checkpoint(job)
        assert content is not None
        content["learner"]["networks"]["actor_state"].pop()
        with pytest.raises(RewardSynthError, match="cannot go on from the checkpoint"):
            restore(content, job, learner, venv, watch)


CHECKS: dict[str, Callable[[TaskSpec, Path], None]] = {
    "nothing-is-lost-but-the-episodes": nothing_is_lost_but_the_episodes,
    "a-checkpoint-of-another-network-is-told": a_checkpoint_of_another_network_is_told,
    "a-saved-policy-does-what-sac-s-actor-does": partial(a_saved_policy_does_what_the_actor_does, learner="sac"),
    "a-saved-policy-does-what-tqc-s-actor-does": partial(a_saved_policy_does_what_the_actor_does, learner="tqc"),
    "a-weight-of-sac-that-is-not-finite-is-seen": partial(a_weight_that_is_not_finite_is_seen, learner="sac"),
    "a-weight-of-tqc-that-is-not-finite-is-seen": partial(a_weight_that_is_not_finite_is_seen, learner="tqc"),
}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    task, faults = load_task("gym/inverted_pendulum_balance"), dict.fromkeys(CHECKS, "")
    for name, check in CHECKS.items():
        try:
            check(task, folder / name)
        except Exception:  # noqa: BLE001  (the process's edge)
            faults[name] = traceback.format_exc()
    print(json.dumps(faults))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
