"""Trainings on a real cluster of two nodes: the same folder as at home, and what is lost comes back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reward_synth.core import scratch
from reward_synth.core.deaths import ATTEMPTS
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.types import TrainResult
from reward_synth.executors.ray import driver as ray_executor
from reward_synth.executors.ray.driver import RayExecutor
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import Progress, TrainJob
from reward_synth.training.outcomes import outcome_of, read_result
from tests.training.cases import ENDLESS, command_line, descendants, make_job, run_jobs, wait_until

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
ray_broker = pytest.importorskip("reward_synth.executors.ray.broker")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    # One process has the cluster: a second one would take twice the time.
    pytest.mark.xdist_group("ray"),
]

TASK = load_task("gym/inverted_pendulum_balance")
FIRST, WHOLE = 1024, 8192
TIMES = {"seconds", "cpu_seconds"}
QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 3,
}
NODE = {"num_cpus": 1, "memory": 2 << 30, "object_store_memory": 80 << 20, "include_dashboard": False}


class TwoNodes:
    """A head and a second node, with room for one training each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cluster = cluster_utils.Cluster(
            initialize_head=True, head_node_args=NODE | {"_system_config": QUICK_TO_NOTICE}
        )
        self._second: Any = None

    @property
    def second(self) -> Any:
        """It is started anew if it was killed."""
        if self._second is None:
            self._second = self.cluster.add_node(**{key: NODE[key] for key in NODE if key != "include_dashboard"})
        return self._second

    def kill_second(self) -> None:
        """At once, as when its power is cut."""
        self.cluster.remove_node(self.second, allow_graceful=False)
        self._second = None

    def folders(self) -> list[Path]:
        """Of trainings, on both nodes."""
        return list(self._folder.glob("reward-synth-*"))

    def processes(self) -> dict[int, str]:
        """All processes of trainings on both nodes, by id."""
        return self.trainings(self.cluster.head_node) | self.trainings(self.second)

    @staticmethod
    def trainings(node: Any) -> dict[int, str]:
        """Processes of the trainings on a node, by id."""
        raylet = node.all_processes["raylet"][0].process.pid
        return {pid: line for pid, line in descendants(raylet).items() if "reward_synth" in line}


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    # Short, for Ray makes sockets there.
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir="/tmp", prefix="ray-") as folder:
        patch.setenv("TMPDIR", folder)
        # Whatever token lies in somebody's home folder, this cluster has none.
        patch.setenv("RAY_AUTH_MODE", "disabled")
        found = TwoNodes(Path(folder))
        assert found.second
        patch.setenv("RAY_ADDRESS", found.cluster.address)
        yield found
        found.cluster.shutdown()


@pytest.fixture(scope="module")
def executor(nodes: TwoNodes) -> Iterator[RayExecutor]:
    with closing(RayExecutor(None)) as found:
        yield found


class Heard:
    """What an executor reports."""

    def __init__(self) -> None:
        self.steps: dict[Path, list[int]] = {}
        self.results: dict[Path, TrainResult] = {}

    def progress(self, job: TrainJob, progress: Progress) -> None:
        self.steps.setdefault(job.folder, []).append(progress.step)

    def result(self, job: TrainJob, result: TrainResult) -> None:
        assert job.folder not in self.results, "each job is reported once"
        self.results[job.folder] = result


def never() -> bool:
    return False


def listing(job: TrainJob) -> list[str]:
    root = job.folder.parent
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def figures(result: TrainResult) -> dict[str, Any]:
    return result.model_dump(exclude=TIMES)


def gone(processes: dict[int, str]) -> bool:
    return not any(command_line(pid) == line for pid, line in processes.items())


def test_two_trainings_in_rungs_and_a_node_that_is_killed(
    nodes: TwoNodes, executor: RayExecutor, tmp_path: Path
) -> None:
    """One of them loses its node in its second rung and ends on the other one; both end as at home."""
    jobs = (make_job(tmp_path / name, TASK, steps=WHOLE, stop_when_solved=False) for name in ("home", "a", "b"))
    home, *away = jobs
    rung = Heard()
    executor.run([job.model_copy(update={"until": FIRST}) for job in away], rung.progress, rung.result, never)
    at_home = run_jobs([home.model_copy(update={"until": FIRST})])[home.folder]
    assert (at_home.status, at_home.steps) == ("paused", FIRST)
    for job in away:
        assert figures(rung.results[job.folder]) == figures(at_home)
        assert listing(job) == listing(home)

    # The reference was begun on the cluster and goes on at home.
    shutil.rmtree(home.folder)
    shutil.copytree(away[0].folder, home.folder)
    expected = run_jobs([home])[home.folder]
    assert (expected.status, expected.steps) == ("trained", WHOLE)
    assert expected.evaluations[:1] == at_home.evaluations[:1]
    assert expected.seconds > rung.results[away[0].folder].seconds

    heard, lost = Heard(), dict[int, str]()

    def progressed(job: TrainJob, progress: Progress) -> None:
        heard.progress(job, progress)
        if not lost and progress.step > FIRST and nodes.trainings(nodes.second):
            lost.update(nodes.trainings(nodes.second))
            assert len(lost) >= 3, "worker, trainer, and the processes with generated code"
            nodes.kill_second()

    executor.run(away, progressed, heard.result, never)
    assert lost, "it was killed while it trained"
    assert set(heard.results) == {job.folder for job in away}
    assert wait_until(lambda: gone(lost)), lost
    for job in away:
        assert listing(job) == listing(home)
        assert figures(heard.results[job.folder]) == figures(expected)
        for name in ("train/policy.npz", "trajectories/seed-0-episode-003.npz"):
            ours, theirs = (np.load(each.folder.parent / name) for each in (home, job))
            assert all(np.array_equal(ours[key], theirs[key]) for key in ours.files)
        # Its own paths, not the node's: whoever resumes the run trains on from here.
        assert TrainJob.read(job.folder / "job.json") == job

    again = Heard()
    executor.run(away, again.progress, again.result, never)
    assert again.results == heard.results, "what is done is reported from its files"
    assert again.steps == {}


def test_a_killed_worker_is_tried_again_and_a_stop_leaves_no_process(
    nodes: TwoNodes, executor: RayExecutor, tmp_path: Path
) -> None:
    assert nodes.second
    for folder in nodes.folders():
        shutil.rmtree(folder)
    jobs = [make_job(tmp_path / name, TASK, steps=ENDLESS) for name in "abc"]
    heard, running = Heard(), dict[int, str]()

    def progressed(job: TrainJob, progress: Progress) -> None:
        heard.progress(job, progress)
        if len(heard.steps) == 2 and all(steps[-1] > 0 for steps in heard.steps.values()) and not running:
            running.update(nodes.processes())
            worker = next(pid for pid, line in running.items() if "training.worker" in line)
            os.kill(worker, signal.SIGKILL)

    def another_runs() -> bool:
        now = nodes.processes().items() if running else ()
        return any("training.worker" in line and pid not in running for pid, line in now)

    executor.run(jobs, progressed, heard.result, another_runs)
    assert heard.results == {}, "nobody is blamed for it"
    assert len([line for line in running.values() if "worker.trainer" in line]) == 2
    # Asked at once: a stop returns when the processes are gone.
    assert nodes.processes() == {}
    assert nodes.folders() == []
    assert wait_until(lambda: gone(running)), running
    assert all(outcome_of(job) is None for job in jobs)


def test_a_stop_while_a_training_begins_leaves_no_process(
    nodes: TwoNodes, executor: RayExecutor, tmp_path: Path
) -> None:
    """Its seat has started the worker, and has not said so yet."""
    assert nodes.second
    jobs = [make_job(tmp_path / name, TASK, steps=ENDLESS) for name in "ab"]
    heard, begun = Heard(), dict[int, str]()

    def a_worker_is_there() -> bool:
        begun.update({pid: line for pid, line in nodes.processes().items() if "training.worker" in line})
        return bool(begun)

    executor.run(jobs, heard.progress, heard.result, a_worker_is_there)
    assert begun and heard.results == {}
    assert nodes.processes() == {}
    assert nodes.folders() == []


def test_a_seat_that_is_lost_again_and_again_is_the_machines_fault(
    nodes: TwoNodes, executor: RayExecutor, tmp_path: Path
) -> None:
    job = make_job(tmp_path, TASK, steps=ENDLESS)
    heard, killed = Heard(), list[int]()

    def kill_the_seat() -> bool:
        for pid, line in nodes.processes().items():
            if "training.worker" in line:
                seat = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                # A worker whose seat is dead lives a moment longer, as another process's child.
                if seat not in killed and "ray::Seat" in command_line(seat):
                    killed.append(seat)
                    os.kill(seat, signal.SIGKILL)
        return False

    with pytest.raises(MachineFault, match=f"ended from outside {ATTEMPTS} times, at last: "):
        executor.run([job], heard.progress, heard.result, kill_the_seat)
    assert len(killed) == ATTEMPTS
    assert heard.results == {} and read_result(job.folder) is None
    assert wait_until(lambda: not nodes.processes())


@contextmanager
def own_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[RayExecutor]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with closing(RayExecutor(1)) as found:
        yield found


def test_a_cluster_of_its_own_hears_no_key_and_dies_with_its_broker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    canary = "sk-canary-of-this-test"
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    # Ray puts its driver's working folder first on the path of its workers.
    monkeypatch.chdir(tmp_path)
    for module in ("pydantic", "numpy"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'broken-out')!r}, 'w')")
    job = make_job(tmp_path / "job", TASK, steps=ENDLESS)
    with own_cluster(monkeypatch) as executor:
        folder, broker = executor._scratch.path, executor._process.pid
        below: dict[int, str] = {}
        told: dict[str, list[str]] = {}

        killed: list[int] = []

        def progressed(job: TrainJob, progress: Progress) -> None:
            if progress.step == 0 or executor._process.pid in killed:
                return
            if not below:
                below.update(descendants(broker) | {broker: command_line(broker)})
                for pid, line in below.items():
                    told[line] = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
            killed.append(executor._process.pid)
            os.kill(executor._process.pid, signal.SIGKILL)

        monkeypatch.setattr(ray_executor, "ATTEMPTS", 2)
        with pytest.raises(MachineFault, match="its process died with signal 9"):
            executor.run([job], progressed, lambda *_: pytest.fail("it has no result"), never)
        assert len(killed) == 2, "with another one, the training goes on"
        names = " ".join(told)
        assert all(
            name in names for name in ("raylet", "gcs_server", "ray::Seat", "worker.trainer", "sandbox/child.py")
        )
        assert not [line for line, variables in told.items() if canary in " ".join(variables)]
        trainer = next(variables for line, variables in told.items() if "worker.trainer" in line)
        assert not [variable for variable in trainer if variable.startswith("RAY_")]
        # Only the token's holders may talk to it.
        assert "RAY_AUTH_MODE=token" in next(variables for line, variables in told.items() if "raylet" in line)
        assert wait_until(lambda: gone(below)), {pid: line for pid, line in below.items() if command_line(pid) == line}
    assert not folder.exists()
    assert not (tmp_path / "broken-out").exists()


def test_nothing_is_left_of_a_cluster_whose_loop_and_broker_were_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's agents outlive their node by minutes."""
    with own_cluster(monkeypatch) as executor:
        broker = executor._process.pid
        below = descendants(broker)
        assert any("agent" in line for line in below.values())
        os.kill(broker, signal.SIGKILL)
        assert wait_until(lambda: gone(below)), {pid: line for pid, line in below.items() if command_line(pid) == line}


@pytest.mark.parametrize(
    ("address", "message"),
    [("127.0.0.1:1", "nothing answers"), ("ray://head:10001", "no address that can be used")],
)
def test_an_address_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, address: str, message: str) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    # Other tests make folders of the usual name at the same time.
    monkeypatch.setattr(scratch, "PREFIX", f"reward-synth-{os.getpid()}-")
    with pytest.raises(RewardSynthError, match=message) as caught:
        RayExecutor(1)
    assert address in caught.value.message
    assert caught.value.hint
    assert not list(Path("/tmp").glob(f"{scratch.PREFIX}*"))


def test_an_address_where_something_else_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{other.getsockname()[1]}")
        monkeypatch.setattr(ray_executor, "START_SECONDS", 5.0)
        monkeypatch.setattr(ray_executor, "STOP_SECONDS", 0.5)
        with pytest.raises(RewardSynthError, match=r"Ray does not answer at 127.0.0.1:[0-9]+ within 5 s"):
            RayExecutor(1)


@pytest.mark.parametrize("change", [{"mujoco": "2.0"}, {"numpy": "1.0"}, None])
def test_nodes_with_other_versions_are_refused(change: dict[str, str] | None) -> None:
    ours = ray_broker.versions()
    theirs = {name: text for name, text in ours.items() if name != "torch"} if change is None else ours | change
    ray_broker._same_versions(ours)
    with pytest.raises(RewardSynthError, match=r"a node has (mujoco 2.0|numpy 1.0|torch not at all)"):
        ray_broker._same_versions(theirs)


@pytest.mark.parametrize(
    ("resources", "slots"),
    [
        ({"CPU": 4.0, "memory": 100.0 * (1 << 30)}, 4),
        ({"CPU": 4.0, "memory": 2.5 * ray_broker.WORKER_MEMORY}, 2),
        ({"CPU": 0.5, "memory": 1e12}, 0),
        ({"GPU": 8.0}, 0),
    ],
)
def test_a_node_holds_as_many_as_it_has_cores_and_memory_for(resources: dict[str, float], slots: int) -> None:
    assert ray_broker._slots(resources) == slots
