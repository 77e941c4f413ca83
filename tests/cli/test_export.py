from __future__ import annotations

import subprocess
import sys

import pytest

from reward_synth.api.run import Run
from tests.cli.cases import failed, out


def test_export_runs_without_this_package(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    path = out(capsys, "export", "latest", "--out", "exported.py").strip()
    program = (
        "import sys; sys.modules['reward_synth'] = None; sys.path.insert(0, '.'); import exported\n"
        "env = exported.make(); env.reset(seed=0)\n"
        "print(sorted(env.step(env.action_space.sample())[4]['reward_terms']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert path == "exported.py"
    assert done.stdout == "['speed']\n", done.stderr
    assert "exists already" in failed(capsys, "export", "latest", "--out", "exported.py")


def test_export_with_the_training_of_the_run(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    text = out(capsys, "export", "latest", "--train")
    assert "PPO(" in text and '"steps": 150000' in text and "def task_success" in text
    assert "--seed" in text and "reward_synth" not in text
    assert "PPO(" not in out(capsys, "export", "latest")
