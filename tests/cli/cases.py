"""What the tests of the commands share: a run that is done, and how a command line ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reward_synth.cli.app import execute

ROOT = Path(__file__).parents[2]
REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': -next_state.x_velocity}\n"


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert execute(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def failed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """stderr of a command line that is refused."""
    assert execute(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    error, hint = captured.err.split("\n\nhint: ")
    assert error.startswith("error: ")
    assert hint.strip()
    return captured.err


def assert_refused(capsys: pytest.CaptureFixture[str], arguments: Sequence[str], told: str, advice: str) -> None:
    """The command line is refused with these words, and this hint."""
    said = failed(capsys, *arguments)
    assert told in said.split("\n\nhint: ")[0], arguments
    assert advice in said.split("\n\nhint: ")[1], arguments


def end_with(monkeypatch: pytest.MonkeyPatch, ending: Any) -> None:
    """Put a search in place that ends in that way: this is about what the edge makes of it."""

    def search(*_: Any, **__: Any) -> Any:
        if isinstance(ending, BaseException):
            raise ending
        return ending

    monkeypatch.setattr("reward_synth.api.lifecycle._loop", search)
