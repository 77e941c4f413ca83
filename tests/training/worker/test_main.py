"""The training worker: two stages, what an interrupted one leaves, and how they end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from reward_synth.core.types import TrainResult
from reward_synth.executors.local import LocalExecutor
from reward_synth.state.faults import BLAME
from reward_synth.state.watchdog import OVERDUE
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.outcomes import FinalEvaluation, Interruption, Training, read_result
from reward_synth.training.worker import main as worker
from tests.evaluation.test_select import episode
from tests.training.cases import ENDLESS, command_line, descendants, make_job, run_jobs, wait_until

ALL = {"success_threshold": 0.95}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_it_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, reward_synth.training.worker.main;"
        "print(*[name for name in ('torch', 'numpy', 'gymnasium') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []


def test_an_interrupted_job_goes_on_with_its_evaluation(interrupted: Callable[[], TrainJob], trained: TrainJob) -> None:
    job = interrupted()
    kept = {name: (job.folder / name).stat().st_mtime_ns for name in ("policy.npz", "model.zip", "progress.csv")}
    result, whole = run_jobs([job])[job.folder], read_result(trained.folder)
    training = Training.read(job.folder)
    assert kept == {name: (job.folder / name).stat().st_mtime_ns for name in kept}
    assert whole is not None
    assert training is not None
    times = {"seconds", "cpu_seconds"}
    assert result.model_dump(exclude=times) == whole.model_dump(exclude=times)
    assert result.seconds > training.seconds > 0
    assert result.cpu_seconds > training.cpu_seconds > 0


@pytest.mark.parametrize("change", ["steps", "reward", "policy", "crashed"])
def test_only_a_finished_training_of_this_very_job_is_kept(interrupted: Callable[[], TrainJob], change: str) -> None:
    job = interrupted()
    assert worker.finished_training(job) == Training.read(job.folder) is not None
    if change == "steps":
        job = job.model_copy(update={"steps": job.steps + 1})
    elif change == "reward":
        job.reward.write_text(job.reward.read_text() + "\n# changed\n")
    elif change == "policy":
        job.policy_path.unlink()
    else:
        Training(status="crashed", job=job.digest()).write(job.folder)
    assert worker.finished_training(job) is None


@pytest.mark.parametrize(("times", "status"), [(1, "trained"), (2, "crashed")])
def test_a_step_that_took_too_long_is_tried_again_once(
    interrupted: Callable[[], TrainJob], monkeypatch: pytest.MonkeyPatch, times: int, status: str
) -> None:
    """Processes that were stopped for a while (Ctrl-Z) and go on look so. One that hangs does so each time."""
    real, made = worker.run_process, list[str]()

    def overdue(module: str, arguments: Sequence[str]) -> int:
        made.append(module.rpartition(".")[2])
        if len(made) > times:
            return real(module, arguments)
        if len(made) == 1:  # What a try leaves in the folder decides neither question nor answer of the next.
            FinalEvaluation(status="done", episodes=()).write(Path(arguments[0]).parent)
            Path(arguments[0]).write_text("{}")
        return OVERDUE

    monkeypatch.setattr(worker, "run_process", overdue)
    found = worker.run(interrupted())
    assert isinstance(found, TrainResult)
    assert made == ["evaluator"] * 2
    assert found.status == status
    assert (BLAME in found.reason) is (status == "crashed")


def test_what_lies_in_the_folder_decides_neither_question_nor_answer(
    interrupted: Callable[[], TrainJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer writes there, and should code have broken into it, it would make itself successful."""
    job = interrupted()
    easy = job.task.model_copy(update={"success": "True", "fitness": "1e9"})
    job.model_copy(update={"task": easy}).write()
    result = worker.run(job)
    assert isinstance(result, TrainResult)
    assert result.fitness is not None
    assert result.fitness < 1e9
    verdicts = FinalEvaluation.read(job.folder)
    assert verdicts is not None
    assert verdicts.episodes == result.episodes

    forged = tuple(episode.model_copy(update={"fitness": 1e9}) for episode in verdicts.episodes)
    FinalEvaluation(episodes=forged).write(job.folder)
    monkeypatch.setattr(sys, "executable", "false")
    assert worker.run(job) == Interruption(reason="the evaluator died with exit code 1")


def test_processor_time_includes_stages_and_the_reward_process(trained: TrainJob) -> None:
    result, training = read_result(trained.folder), Training.read(trained.folder)
    assert result is not None
    assert training is not None
    assert result.cpu_seconds > training.cpu_seconds > 0


@pytest.fixture
def running(task: TaskSpec, tmp_path: Path) -> Iterator[tuple[TrainJob, subprocess.Popen[bytes]]]:
    """A worker whose trainer is learning, and its job."""
    job = make_job(tmp_path, task, steps=ENDLESS)
    command = [sys.executable, "-I", "-m", "reward_synth.training.worker.main", str(job.write())]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: read_progress(job.folder).step > 0)
        yield job, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def gone(pids: dict[int, str]) -> bool:
    return not any(command_line(pid) == command for pid, command in pids.items())


@on_linux
def test_a_killed_worker_leaves_no_process(running: tuple[TrainJob, subprocess.Popen[bytes]]) -> None:
    _, process = running
    below = descendants(process.pid)
    commands = " ".join(below.values())
    assert "reward_synth.training.worker.trainer" in commands
    assert commands.count("sandbox/child.py") == 2, "the reward process and the judge"
    process.kill()
    assert wait_until(lambda: gone(below)), below


@on_linux
def test_a_trainer_that_is_killed_leaves_word_and_no_result(
    running: tuple[TrainJob, subprocess.Popen[bytes]],
) -> None:
    job, process = running
    below = descendants(process.pid)
    (trainer,) = [pid for pid, command in below.items() if "reward_synth.training.worker.trainer" in command]
    os.kill(trainer, signal.SIGKILL)
    assert process.wait(timeout=60) == 0
    assert read_result(job.folder) is None
    assert Interruption.read(job.folder) == Interruption(reason="the trainer died with signal 9 (SIGKILL)")
    assert wait_until(lambda: gone(below)), below


@on_linux
def test_a_stopped_executor_leaves_no_process(task: TaskSpec, tmp_path: Path) -> None:
    job = make_job(tmp_path, task, steps=ENDLESS)
    below: dict[int, str] = {}
    others = descendants(os.getpid())

    def should_stop() -> bool:
        if read_progress(job.folder).step > 0:
            below.update({pid: command for pid, command in descendants(os.getpid()).items() if pid not in others})
        return bool(below)

    executor = LocalExecutor(1)
    executor.run([job], lambda *_: None, lambda *_: pytest.fail("it has no result"), should_stop)
    forked = {pid: command for pid, command in below.items() if "reward_synth.training.worker.fork_server" in command}
    rewards = {pid: command for pid, command in below.items() if "sandbox/child.py" in command}
    assert (len(forked), len(rewards)) == (3, 2), "host, worker and trainer; the reward process and the judge"
    host = min(forked)
    rest = {pid: command for pid, command in (forked | rewards).items() if pid != host}
    assert wait_until(lambda: gone(rest)), rest
    executor.close()
    assert gone({host: forked[host]})


@on_linux
def test_a_stage_whose_worker_is_gone_does_not_begin(interrupted: Callable[[], TrainJob]) -> None:
    job = interrupted()
    stranger = "1"
    command = [sys.executable, "-I", "-m", "reward_synth.training.worker.evaluator", str(job.write()), stranger]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "is gone" in ran.stderr
    assert FinalEvaluation.read(job.folder) is None


def test_an_outcome_that_is_none_counts_as_absent(tmp_path: Path) -> None:
    assert Training.read(tmp_path) is None
    (tmp_path / "training.json").write_text(json.dumps({"status": "splendid"}))
    assert Training.read(tmp_path) is None
    (tmp_path / "training.json").write_text('{"status": "do')
    assert Training.read(tmp_path) is None


@pytest.mark.parametrize(
    ("shares", "judged", "trained"),
    [([1.0], 1, 1), ([0.9, 1.0], 2, 2), ([0.9, 0.9, 0.9, 1.0], 3, 3)],
    ids=["solved", "goes-on", "three-times-at-most"],
)
def test_a_training_that_only_seemed_to_solve_its_task_goes_on(
    shares: list[float], judged: int, trained: int, tmp_path: Path, task: TaskSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []

    def stage(job: TrainJob, name: str, outcome: type[Training | FinalEvaluation]) -> Training | FinalEvaluation:
        stages.append(name)
        steps = 500 * stages.count("trainer")
        if name == "trainer":
            return Training(solved=True, steps=steps, reason=f"ended at {steps} steps: the task is solved")
        assert job.passed
        good = round(30 * shares[stages.count("evaluator") - 1])
        return FinalEvaluation(episodes=tuple(episode(number < good, 0.0) for number in range(30)))

    monkeypatch.setattr(worker, "_run_stage", stage)
    done = worker.run(make_job(tmp_path, task).model_copy(update={"task": task.model_copy(update=ALL)}))
    assert isinstance(done, TrainResult)
    assert (stages.count("evaluator"), stages.count("trainer"), done.steps) == (judged, trained, 500 * trained)
    assert done.success == shares[judged - 1]
