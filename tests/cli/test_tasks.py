from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from reward_synth.cli.app import execute
from reward_synth.core.waiting import SLOW_ENVIRONMENT, SLOW_TO_OPEN, told_if_long
from tests.cli.cases import out


def test_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert "gym/hopper_hop_forward" in out(capsys, "tasks", "ls")
    assert len(json.loads(out(capsys, "tasks", "ls", "--json"))) >= 11
    assert "Hopper-v5" in out(capsys, "tasks", "show", "hopper_hop_forward")
    assert json.loads(out(capsys, "tasks", "show", "hopper_hop_forward", "--json"))["environment"]["id"] == "Hopper-v5"
    assert re.search(r"^  tasks .*your own", out(capsys, "--help"), re.MULTILINE)


class Slow(gymnasium.Env[Any, Any]):
    """It takes as long to open as it takes until the person is told."""

    dt, observation_space, action_space = 0.1, spaces.Box(-1, 1, (1,)), spaces.Box(-1, 1, (1,))

    def __init__(self) -> None:
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(60)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), 0.0, False, False, {}


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(told_if_long.__wrapped__, "__defaults__", (SLOW_ENVIRONMENT, 0.0))  # type: ignore[attr-defined]
    Path("reward.py").write_text("def compute_reward(state, action, next_state):\n    return {'a': next_state.b}\n")
    measures = "success: 'False'\nfitness: '0.0'\nfitness_unit: m\n"
    Path("slow.yaml").write_text(f"name: gym/slow\ngoal: Go.\nenvironment:\n  id: Slow-v0\nhorizon: 5\n{measures}")
    gymnasium.register("Slow-v0", entry_point=Slow)
    yield
    del gymnasium.registry["Slow-v0"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["tasks", "fields", "Slow-v0"], 0, SLOW_TO_OPEN),
        (["tasks", "fields", "slow.yaml"], 0, SLOW_TO_OPEN),
        (["tasks", "check", "slow.yaml", "--json"], 1, SLOW_ENVIRONMENT),
        (["run", "--task", "slow.yaml", "--dry-run", "--model", "manual", "--json"], 0, SLOW_TO_OPEN),
        (["check", "reward.py", "--task", "slow.yaml", "--json"], 1, SLOW_ENVIRONMENT),
        (["train", "reward.py", "--task", "slow.yaml"], 1, SLOW_ENVIRONMENT),
        (["audit", "--env", "Slow-v0", "--plan-seconds", "0", "--json"], None, SLOW_ENVIRONMENT),
    ],
)
def test_whoever_waits_for_an_environment_is_told(
    words: list[str], code: int | None, told: str, slow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code in (execute(words), None), capsys.readouterr()
    printed = capsys.readouterr()
    assert told in printed.err and told not in printed.out
    if "--json" in words:
        json.loads(printed.out)
