from __future__ import annotations

import threading

import pytest

from reward_synth.api.run import Run
from reward_synth.cli import watch as command
from reward_synth.cli.app import execute
from reward_synth.core.types import Candidate
from reward_synth.events import model as events

TRAINED = Candidate(id="001-b", iteration=1, status="trained", success=0.5, fitness=2.0)


def test_a_run_that_is_over_is_told_from_its_beginning(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.record(events.RunStarted(run_dir=str(run.path), goal="run backwards"))
    run.store.record(events.CandidateTrained(candidate=TRAINED))
    run.store.events_path.open("a").write('{"kind": "from the future", "time": "2030-01-01T00:00:00+00:00"}\n')
    run.store.record(events.RunEnded(status="solved", best="001-b", reason="it works"))
    assert execute(["watch", "latest", "--display", "plain"]) == 0
    told = capsys.readouterr().err
    assert told.index("run backwards") < told.index("001-b trained: success 50%") < told.index("Solved after ")
    assert "best reward 001-b: it works" in told
    assert " h " not in told.split("Solved after ")[1].split(",")[0], "counted from the run's own start"


def test_a_run_under_way_is_followed_to_its_end(
    capsys: pytest.CaptureFixture[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "POLL_SECONDS", 0.01)
    watcher = threading.Thread(target=execute, args=(["watch", run.id, "--display", "plain"],))
    with run.store.lock():
        watcher.start()
        run.store.record(events.Warned(text="while it is watched"))
        watcher.join(0.5)
        assert watcher.is_alive(), "it waits as long as a process works on the run"
        run.store.record(events.RunEnded(status="solved"))
    watcher.join(240)
    assert not watcher.is_alive()
    told = capsys.readouterr().err
    assert "while it is watched" in told and "Solved" in told


def test_a_run_that_nobody_works_on_is_said_to_be_so(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.update(status="running", outcome="")
    execute(["watch", run.id, "--display", "plain"])
    assert "no process works on this run" in capsys.readouterr().err
