from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from tests.training.cases import make_job, run_jobs


@pytest.fixture(scope="session")
def task() -> TaskSpec:
    return load_task("gym/inverted_pendulum_balance")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, task: TaskSpec) -> TrainJob:
    job = make_job(tmp_path_factory.mktemp("trained"), task)
    result = run_jobs([job])[job.folder]
    assert result.status == "trained", result.reason
    return job


@pytest.fixture
def interrupted(trained: TrainJob, tmp_path: Path) -> Callable[[], TrainJob]:
    """Makes a job whose training is done and whose evaluation is not."""

    def make() -> TrainJob:
        folder = tmp_path / "interrupted"
        shutil.copytree(trained.folder, folder / "train")
        shutil.copy(trained.reward, folder / "reward.py")
        changes = {
            "reward": folder / "reward.py",
            "folder": folder / "train",
            "trajectories": folder / "trajectories",
        }
        job = trained.model_copy(update=changes)
        for name in ("result.json", "episodes.json"):
            (job.folder / name).unlink()
        return job

    return make
