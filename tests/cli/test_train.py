from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reward_synth.core.resources import data_dir
from tests.cli.cases import failed


def test_a_reward_with_a_syntax_error_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("reward.py").write_text("def compute_reward(state, action, next_state)\n    return {}\n")
    said = failed(capsys, "train", "reward.py", "--task", "hopper_hop_forward", code=1)
    assert said.startswith("error: the reward cannot be trained:\n  line 1: ")
    assert "hint: reward-synth check reward.py --task hopper_hop_forward" in said


def test_the_command_that_is_named_is_quoted_for_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my reward.py").write_text("def compute_reward(state, action, next_state)\n    return {}\n")
    shutil.copy(data_dir("task_specs") / "gym" / "hopper_hop_forward.yaml", "my task.yaml")
    said = failed(capsys, "train", "my reward.py", "--task", "my task.yaml", code=1)
    assert "hint: reward-synth check 'my reward.py' --task 'my task.yaml'" in said
