"""A process of a training that ends from outside is no result: the training goes on, and no reward is blamed."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reward_synth.core.deaths import ATTEMPTS
from reward_synth.core.errors import MachineFault
from reward_synth.core.types import TrainResult
from reward_synth.executors.local import LocalExecutor
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.outcomes import Interruption, read_result
from reward_synth.training.worker import main as worker
from tests.training.cases import descendants, make_job, run_jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

HOST, WORKER, TRAINER, ONE_CHILD, OTHER_CHILD = range(5)
"""The last two are the reward process and the judge."""


class Killer:
    """Trains jobs one by one, and kills some of their processes."""

    def __init__(self) -> None:
        self._others = descendants(os.getpid())
        self.executor = LocalExecutor(1)

    def processes(self) -> list[int]:
        """Host, worker, trainer and its two children, once they all run."""
        below = {pid: line for pid, line in descendants(os.getpid()).items() if pid not in self._others}
        forked = [pid for pid, line in below.items() if "fork_server" in line]
        return forked + [pid for pid, line in below.items() if "sandbox/child.py" in line]

    def train(self, job: TrainJob, *victims: int) -> TrainResult | None:
        """Kill one victim after the other, each once the training runs (again)."""
        left, results, seen = list(victims), list[TrainResult](), set[int]()

        def should_stop() -> bool:
            found = self.processes() if left and read_progress(job.folder).step > 0 else []
            if len(found) == 5 and found[TRAINER] not in seen:
                seen.add(found[TRAINER])
                os.kill(found[left.pop(0)], signal.SIGKILL)
            return False

        self.executor.run([job], lambda *_: None, lambda _, result: results.append(result), should_stop)
        assert left == [], "the training was over before it was killed"
        return results[0] if results else None


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.executor.close()


@pytest.mark.parametrize("victims", [(WORKER, TRAINER), (HOST, ONE_CHILD), (OTHER_CHILD,)])
def test_a_killed_process_changes_no_result(killer: Killer, task: TaskSpec, tmp_path: Path, victims: list[int]) -> None:
    job = make_job(tmp_path, task, steps=4096)
    found = killer.train(job, *victims)
    assert found is not None
    assert (found.status, found.reason, found.steps) == ("trained", "", 4096)
    assert Interruption.read(job.folder) is None
    assert not (job.folder / "scratch").exists()


def test_a_training_that_is_killed_again_and_again_ends_without_a_result(
    killer: Killer, task: TaskSpec, tmp_path: Path
) -> None:
    job = make_job(tmp_path, task, steps=100_000)
    with pytest.raises(MachineFault, match=rf"ended from outside {ATTEMPTS} times.*the trainer died with signal 9"):
        killer.train(job, *[TRAINER] * ATTEMPTS)
    assert read_result(job.folder) is None


def test_a_trainer_that_cannot_be_started_blames_nobody(
    task: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path, task)
    monkeypatch.setattr(sys, "executable", "false")
    assert worker.run(job) == Interruption(reason="the trainer died with exit code 1")


@pytest.mark.parametrize("room", [20_000, 100_000])
def test_a_disk_that_is_full_in_mid_training_leaves_no_result(task: TaskSpec, tmp_path: Path, room: int) -> None:
    """The model's file does not fit, or only the checkpoint does not. A limit on files acts like a full disk."""
    job = make_job(tmp_path, task, keep_checkpoint=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    executor = LocalExecutor(1)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        with pytest.raises(MachineFault, match="no space left on the disk while writing"):
            executor.run([job], lambda *_: None, lambda *_: pytest.fail("it has no result"), lambda: False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        executor.close()
    assert read_result(job.folder) is None
    result = run_jobs([job])[job.folder]
    assert (result.status, result.reason) == ("trained", "")
