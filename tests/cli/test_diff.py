from __future__ import annotations

import pytest

from reward_synth.api.run import Run
from tests.cli.cases import out


def test_diff(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    lines = out(capsys, "diff", "latest", "001-a", "001-b").splitlines()
    assert lines[:2] == ["--- 001-a/reward.py", "+++ 001-b/reward.py"]
    assert "-    return {'speed': -1.0 * next_state.x_velocity}" in lines
    assert "+    return {'speed': -2.0 * next_state.x_velocity}" in lines
    assert out(capsys, "diff", "latest", "001-a", "001-a") == ""
