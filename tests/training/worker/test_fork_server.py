"""The worker host: workers forked from a process that has loaded the libraries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reward_synth.executors.base import worker_environment
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.outcomes import read_result
from reward_synth.training.worker.fork_server import WorkerHost
from tests.training.cases import ENDLESS, command_line, descendants, make_job, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="hosts run on Linux only")


@pytest.fixture(scope="module")
def host() -> Iterator[WorkerHost]:
    host = WorkerHost(worker_environment())
    yield host
    host.close()


def endless(folder: Path, task: TaskSpec) -> TrainJob:
    return make_job(folder, task, steps=ENDLESS)


def test_a_forked_worker_trains_what_one_from_nothing_trains(
    host: WorkerHost, trained: TrainJob, tmp_path: Path
) -> None:
    job = make_job(tmp_path, trained.task)
    command = [sys.executable, "-I", "-m", "reward_synth.training.worker.main", str(job.write())]
    subprocess.run(command, env=worker_environment(), check=True, timeout=120)
    forked = make_job(tmp_path / "forked", trained.task)
    worker = host.start(forked.write(), forked.folder / "stderr.txt")
    assert worker.wait(120) == 0
    one, other = read_result(job.folder), read_result(forked.folder)
    assert one is not None
    assert other is not None
    assert one.status == "trained"
    times = {"seconds", "cpu_seconds"}
    assert one.model_dump(exclude=times) == other.model_dump(exclude=times)
    assert sorted(path.name for path in job.folder.iterdir()) == sorted(
        path.name for path in forked.folder.iterdir() if path.name != "stderr.txt"
    )


def test_a_worker_that_is_killed_is_told_with_its_signal(host: WorkerHost, task: TaskSpec, tmp_path: Path) -> None:
    job = endless(tmp_path, task)
    worker = host.start(job.write(), job.folder / "stderr.txt")
    assert wait_until(lambda: read_progress(job.folder).step > 0)
    assert worker.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.1)
    assert os.getpgid(worker.pid) == worker.pid
    below = descendants(worker.pid)
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait(60) == -signal.SIGKILL
    assert below
    assert wait_until(lambda: not any(command_line(pid) == command for pid, command in below.items()))


def test_workers_end_with_their_host_and_the_next_gets_a_new_one(task: TaskSpec, tmp_path: Path) -> None:
    mortal = WorkerHost(worker_environment())
    job = endless(tmp_path, task)
    worker = mortal.start(job.write(), job.folder / "stderr.txt")
    parent = int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    assert worker.wait(60) == -signal.SIGKILL
    assert wait_until(lambda: not Path(f"/proc/{worker.pid}").exists())
    worker = mortal.start(job.write(), job.folder / "stderr.txt")
    assert worker.poll() is None
    mortal.close()
    assert wait_until(lambda: not Path(f"/proc/{worker.pid}").exists())


def test_a_forked_worker_knows_no_key_and_holds_nothing_of_the_hosts(
    host: WorkerHost, task: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    fresh = WorkerHost(worker_environment())
    job = endless(tmp_path, task)
    worker = fresh.start(job.write(), job.folder / "stderr.txt")
    assert wait_until(lambda: read_progress(job.folder).step > 0)
    for pid in [worker.pid, *descendants(worker.pid)]:
        assert b"sk-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    held = {str(path.readlink()) for path in Path(f"/proc/{worker.pid}/fd").iterdir()}
    assert held == {os.devnull, str(job.folder), str(job.folder / "stderr.txt")}, "its own folder, and nothing else"
    fresh.close()
