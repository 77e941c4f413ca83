"""A small job on a pole that must be balanced, and processes to look at."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from pathlib import Path

from reward_synth.core.types import TrainResult
from reward_synth.executors.local import LocalExecutor
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import PPOPreset

REWARD = """
import numpy as np

def compute_reward(state, action, next_state):
    upright = 1.0 - abs(next_state.pole_angle)
    effort = -0.01 * float(np.square(action).sum())
    return {"upright": upright, "effort": effort}
"""
FIELDS, TERMS = ("pole_angle",), ("upright", "effort")
ENDLESS = 10_000_000
"""Steps that no test waits for."""


def make_job(folder: Path, task: TaskSpec, source: str = REWARD, steps: int = 2048, **changes: object) -> TrainJob:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reward.py").write_text(source)
    job = TrainJob(
        task=task,
        reward=folder / "reward.py",
        fields=FIELDS,
        terms=TERMS,
        preset=PPOPreset(environments=4, n_steps=64, batch_size=64),
        steps=steps,
        seed=7,
        folder=folder / "train",
        trajectories=folder / "trajectories",
        evaluation_points=2,
        evaluation_episodes=2,
    )
    return job.model_copy(update=changes)


@functools.cache
def executor(slots: int) -> LocalExecutor:
    """One for all tests of a process: its worker host loads the libraries once."""
    return LocalExecutor(slots)


def run_jobs(jobs: list[TrainJob], slots: int = 2) -> dict[Path, TrainResult]:
    results: dict[Path, TrainResult] = {}
    executor(slots).run(
        jobs,
        on_progress=lambda job, progress: None,
        on_result=lambda job, result: results.__setitem__(job.folder, result),
        should_stop=lambda: False,
    )
    return results


def descendants(pid: int) -> dict[int, str]:
    """Command lines of all processes below this one, whichever of its threads started them."""
    found: dict[int, str] = {}
    children: list[str] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children += path.read_text().split()
    for child in map(int, children):
        found[child] = command_line(child)
        found |= descendants(child)
    return found


def command_line(pid: int) -> str:
    """Empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """False if it has not come true when the time, which is ample, is up."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
