"""Learners on JAX: short trainings in the worker under its lock, and checks in a process that holds JAX."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.types import TrainResult
from reward_synth.evaluation.policy import load_policy
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.loop.checkpoint import load_checkpoint
from reward_synth.training.loop.evaluation_callback import LOOKS
from reward_synth.training.outcomes import RungEnd, outcome_of
from tests.training.cases import run_jobs
from tests.training.on_jax import CHECKS, ENVIRONMENTS, REPEAT, STEPS, off_policy_job

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sbx") is None,
    reason='the learners are not here: pip install "reward-synth[sbx]" brings them',
)

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


def test_all_that_is_checked_in_a_process_with_jax(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.training.on_jax", str(tmp_path)]
    # Named, for other packages bring a `tests` of their own, and a process may be told not to look where it stands.
    known = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=ROOT, env=known, stdout=subprocess.PIPE, text=True, timeout=240, check=True)
    found: dict[str, str] = json.loads(ran.stdout)
    assert set(found) == set(CHECKS)
    assert "\n".join(found.values()).strip() == ""
