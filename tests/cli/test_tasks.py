from __future__ import annotations

import json

import pytest

from tests.cli.cases import out


def test_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert "gym/hopper_hop_forward" in out(capsys, "tasks", "ls")
    assert len(json.loads(out(capsys, "tasks", "ls", "--json"))) >= 11
    assert "Hopper-v5" in out(capsys, "tasks", "show", "hopper_hop_forward")
    assert json.loads(out(capsys, "tasks", "show", "hopper_hop_forward", "--json"))["environment"]["id"] == "Hopper-v5"
