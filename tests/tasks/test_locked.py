"""Every simulator's environments can be made and stepped in a locked worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reward_synth.sandbox import lock
from reward_synth.simulators import get_simulator, simulator_names
from reward_synth.tasks.spec import list_tasks
from tests.training.cases import make_job

LOCKED = """
import sys
from pathlib import Path
import numpy as np
from reward_synth.evaluation.play import field_table, play
from reward_synth.training.job import TrainJob
from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files

job = TrainJob.read(Path(sys.argv[1]))
confine_files(job, readable=[], writable=[job.folder])
table = field_table(job.task)
confine_calls(job)
try:
    Path(sys.argv[2]).read_text()
except OSError:
    print("locked")
size = len(table.actions)
rest = np.eye(size, dtype=np.float32)[0] if table.discrete else np.zeros(size, dtype=np.float32)
episodes = play(job.task, table, lambda seen: np.tile(rest, (len(seen), 1)), (0, 1))
print(*(episode.length for episode in episodes))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")
@pytest.mark.parametrize("simulator", simulator_names())
def test_environments_can_be_made_and_stepped_behind_the_lock(simulator: str, tmp_path: Path) -> None:
    if not get_simulator(simulator).environments():
        pytest.skip(f"{simulator} is not installed")
    # The last one: of Gymnasium's, a walker, which does not fall within the time.
    spec = [spec for spec in list_tasks() if spec.simulator == simulator][-1].model_copy(update={"horizon": 10})
    job = make_job(tmp_path, spec)
    elsewhere = tmp_path / "secret.txt"
    elsewhere.write_text("secret")
    command = [sys.executable, "-I", "-c", LOCKED, str(job.write()), str(elsewhere)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    expected = ["locked", "10 10"] if lock.available().landlock else ["10 10"]
    assert ran.stdout.splitlines() == expected, ran.stderr
