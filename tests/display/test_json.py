from __future__ import annotations

import json

import pytest

from reward_synth.display import make_display
from reward_synth.display.json import JsonDisplay
from reward_synth.events import model as events
from tests.display.cases import play


def test_lines_go_to_stdout_and_nothing_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    play(make_display("json"))
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert (lines[0]["event"], lines[-1]["event"]) == ("launch", "done")
    (final,) = [line for line in lines if line["event"] == "final"]
    assert (final["candidate"], final["index"], final["success"], final["done"], final["total"]) == (
        "001-a",
        3,
        1,
        4,
        5,
    )
    assert captured.err == ""


def test_the_first_line_is_the_launch_and_the_last_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonDisplay()
    display(events.RunStarted(run_dir="runs/x", goal="hop"))
    display(events.ModelCalled(role="designer", seconds=1.0, usd=None))
    display(events.TrainingProgressed(candidate="001-a", seed=0, step=10, total_steps=100))
    display(events.RunEnded(status="solved", best="001-a"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["launch", "done"]
    assert lines[-1]["cost_usd"] is None
