"""A locked stage, attacked from inside: the attack stands where learning, or playing, would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth.sandbox import lock
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob
from reward_synth.training.worker.worker_sandbox import environment_files

ATTACK = """
import os, socket, subprocess, sys
from pathlib import Path

home, other, outside = map(Path, sys.argv[2:5])
loop = os.getppid()

def fork():
    if os.fork() == 0:
        os._exit(0)

attempts = {
    "read a key in the home folder": lambda: (home / ".env").read_text(),
    "read another candidate": lambda: other.read_text(),
    "list the run": lambda: os.listdir(other.parent.parent),
    "read the loop's environment": lambda: Path(f"/proc/{loop}/environ").read_bytes(),
    "read the users": lambda: Path("/etc/passwd").read_text(),
    "write outside": lambda: outside.write_text("here"),
    "write a package": lambda: open(os.__file__, "a").close(),
    "make a socket": lambda: socket.socket(),
    "make a local socket": lambda: socket.socketpair(),
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "start Python": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "fork": fork,
    "kill the worker": lambda: os.kill(loop, 0),
    "change a mode": lambda: os.chmod(job.folder, 0o755),
    "change a time": lambda: os.utime(job.folder),
    "write the own folder": lambda: (job.folder / "mine.txt").write_text("here"),
    "read a package": lambda: Path(os.__file__).read_text(),
}
landed = []
for name, attempt in attempts.items():
    try:
        attempt()
    except (OSError, subprocess.SubprocessError):
        continue
    landed.append(name)
(job.folder / "landed.json").write_text(__import__("json").dumps(landed))
raise SystemExit
"""

STAGES = {
    "trainer": """
import sys
from pathlib import Path
from reward_synth.training.loop import learning
from reward_synth.training.worker import trainer
from reward_synth.training.job import TrainJob
job = TrainJob.read(Path(sys.argv[1]))
learning.learn = lambda *_: exec(ATTACK, globals())
trainer.train(job)
""",
    "evaluator": """
import sys
from pathlib import Path
from reward_synth.training.worker import evaluator
from reward_synth.training.job import TrainJob
job = TrainJob.read(Path(sys.argv[1]))
evaluator.play = lambda *_: exec(ATTACK, globals())
evaluator.evaluate(job)
""",
}
HARMLESS = {"write the own folder", "read a package"}
NEED_LANDLOCK = {
    "read a key in the home folder", "read another candidate", "list the run", "read the loop's environment",
    "read the users", "write outside", "write a package",
}  # fmt: skip


def landed(stage: str, job: TrainJob, base: Path) -> set[str]:
    home, other, outside = base / "home", base / "candidates" / "other" / "reward.py", base / "outside.txt"
    home.mkdir(exist_ok=True)
    (home / ".env").write_text("OPENAI_API_KEY=sk-secret")
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_text("secret")
    code = f"ATTACK = {ATTACK!r}\n{STAGES[stage]}"
    arguments = [str(path) for path in (job.write(), home, other, outside)]
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    path = job.folder / "landed.json"
    assert path.exists(), ran.stderr
    return set(json.loads(path.read_text()))


@pytest.fixture
def job(interrupted: Callable[[], TrainJob]) -> TrainJob:
    return interrupted()


@pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_nothing_leaves_a_locked_stage(stage: str, job: TrainJob, tmp_path: Path) -> None:
    allowed = HARMLESS if lock.available().landlock else HARMLESS | NEED_LANDLOCK
    assert landed(stage, job, tmp_path) == allowed


@pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_each_attack_lands_on_a_stage_without_lock(stage: str, job: TrainJob, tmp_path: Path) -> None:
    everything = landed(stage, job.model_copy(update={"sandbox": False}), tmp_path)
    # Who is no administrator can write no package, lock or none.
    assert everything >= HARMLESS | NEED_LANDLOCK - {"write a package"} | {"fork", "make a socket", "kill the worker"}


def files_with(task: TaskSpec, folder: Path, **changes: object) -> list[Path]:
    return list(environment_files(task.environment.model_copy(update=changes), folder / "run"))


def test_a_model_of_ones_own_is_readable_with_its_meshes(
    task: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    robot, loose = tmp_path / "robots" / "arm.xml", tmp_path / "arm.xml"
    robot.parent.mkdir()
    for path in (robot, loose):
        path.touch()
    assert files_with(task, tmp_path, arguments={"xml_file": str(robot)}) == [robot.parent]
    # Its folder is the home folder, so the file alone.
    assert files_with(task, tmp_path, arguments={"xml_file": str(loose)}) == [loose]
    assert files_with(task, tmp_path, arguments={"xml_file": "ant.xml", "mass": 3}) == []


def test_a_module_that_registers_an_environment_is_readable(task: TaskSpec, tmp_path: Path) -> None:
    import gymnasium

    found = files_with(task, tmp_path, id="gymnasium.envs:HalfCheetah-v5")
    assert found == [Path(gymnasium.__file__).parent]
    assert files_with(task, tmp_path, id="no_such_module:X-v0") == []
