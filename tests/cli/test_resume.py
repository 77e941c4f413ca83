from __future__ import annotations

import json
from typing import Any

import pytest

from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.core.feedback import Feedback
from reward_synth.core.types import Outcome
from tests.cli.cases import end_with


def test_exit_codes_and_footer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    for status, code, told in (
        ("solved", 0, "reward-synth export"),
        ("accepted", 0, "reward-synth show"),
        ("unsolved", 1, "--iterations 5"),
        ("stopped", 1, f"Continue with: reward-synth resume {run.store.short_id}"),
        ("waiting", 0, f"Continue with: reward-synth resume {run.store.short_id}"),
    ):
        end_with(monkeypatch, Outcome.model_validate({"status": status, "best": "001-b", "reason": "x"}))
        assert execute(["resume", run.id, "--display", "plain"]) == code
        captured = capsys.readouterr()
        assert captured.out == f"{run.store.best_reward_path}\n"
        assert told in captured.err, status
        assert run.status == status


def test_json_puts_launch_first_and_done_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    end_with(monkeypatch, Outcome(status="solved", best="001-b", reason="x"))
    assert execute(["resume", run.id, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {
        "event": "launch",
        "run_id": run.id,
        "run_dir": str(run.path),
        "goal": "run backwards",
        "task": "gym/half_cheetah_run_backward",
    }
    assert (lines[-1]["event"], lines[-1]["status"], lines[-1]["best"]) == ("done", "solved", "001-b")


def test_resuming_takes_back_what_stopped_it(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    run.stop()
    run.answer(Feedback(iteration=1, note="later", action="stop"))
    end_with(monkeypatch, Outcome(status="solved", best="001-b", reason="x"))
    run.resume(display="none", iterations=9)
    assert not run.store.stop_requested()
    answer = run.store.read_answer(1)
    assert answer is not None
    assert (answer.action, answer.note) == ("continue", "later")
    assert run.settings.iterations == 9


def test_what_is_typed_reaches_the_run(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(Run, "resume_with", lambda self, overrides, **others: given.append(dict(overrides)) or self)
    execute(["resume", run.id, "--env", "robots/point.py:Point", "--iterations", "5", "--no-keep-going", "--json"])
    assert given == [{"env": "robots/point.py:Point", "iterations": "5", "keep_going": False, "display": "json"}]
