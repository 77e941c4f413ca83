from __future__ import annotations

import json

import pytest

from reward_synth.api.run import Run
from reward_synth.core.agreement import Agreement, Agreements
from reward_synth.settings.model import Settings
from tests.cli.cases import assert_refused, out


def test_show(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    text = out(capsys, "show", run.store.short_id)
    for told in ("run backwards", "solved", "001-a", "001-b", "It runs.", "best_reward.py", "50%"):
        assert told in text
    data = json.loads(out(capsys, "show", "latest", "--json"))
    assert data["best"] == "001-b"
    assert [candidate["id"] for candidate in data["candidates"]] == ["001-a", "001-b"]
    text = out(capsys, "show", "latest", "001-b")
    assert "-2.0 * next_state.x_velocity" in text
    assert "[dead-term]" in text
    assert "over 34 recorded behaviours it ranks with fitness at +0.90\n" in text
    data = json.loads(out(capsys, "show", "latest", "001-a", "--json"))
    assert data["findings"][0]["rule"] == "dead-term"
    assert data["ranking"] == {"behaviours": 34, "reward": 0.9, "whole": None, "terms": {"speed": 0.9}}


def test_what_models_wrote_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.write_iteration(2, "fine\x1b]0;title\x07\x9b2J")
    assert "fine]0;title2J" in out(capsys, "show", "latest")


def test_what_is_no_candidate(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    for arguments, told, advice in (
        (["show", run.id, "009-z"], "no candidate '009-z'", "001-a, 001-b"),
        (["show", run.id, "best"], "'best' is not a candidate", "003-b"),
    ):
        assert_refused(capsys, arguments, told, advice)


def test_a_candidate_with_more_fitness_that_is_not_the_best_is_told(
    capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    assert "success comes first" not in out(capsys, "show", "latest")
    best = run.best
    assert best is not None and best.success is not None
    rival = best.model_copy(update={"id": "001-c", "iteration": 1, "success": best.success / 2, "fitness": 99.0})
    run.store.save_candidate(rival)
    told = f"001-c has more fitness, 99, but success comes first: {best.id} succeeds in {best.success:.0%}"
    assert told in out(capsys, "show", "latest")


def test_agreement_with_the_person_stands_beside_success(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    assert "agrees" not in out(capsys, "show", "latest")
    against = Agreement(value=-0.5, interval=(-0.75, -0.25), pairs=20)
    found = Agreements(
        judged="x", candidates={"001-a": Agreement(value=0.625, pairs=20), "001-b": None}, fitness=against
    )
    run.store.write_agreements(found)
    run.store.write_settings(Settings(select="person", feedback="ask"), {})
    lines = out(capsys, "show", "latest").splitlines()
    assert lines[0] == (
        "best    chosen by its agreement with a person's order of recorded episodes, not by the task's measure"
    )
    header, first, second = (
        next(line for line in lines if line.startswith(name)) for name in ("candidate", "001-a", "001-b")
    )
    place = header.index("agrees")
    assert first[place : place + 5] == "+0.62" and second[place : place + 5].strip() == ""
    assert (
        "agreement of the task's measure with the person, over whole episodes: fitness -0.50 (-0.75 to -0.25, 20 pairs)"
        in lines
    )
    assert any(line.startswith("warning ") and "may be wrong" in line for line in lines)
    assert json.loads(out(capsys, "show", "latest", "--json"))["agreements"]["fitness"]["value"] == -0.5
