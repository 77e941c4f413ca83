from __future__ import annotations

import json
from pathlib import Path

import pytest

from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.core.feedback import FeedbackRequest
from tests.cli.cases import assert_refused, failed, out
from tests.preferences.cases import CRAWLED, RESTED, WALKED, make_run


def test_feedback_by_options_is_written_and_followed(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.write_request(FeedbackRequest(iteration=1))
    data = json.loads(out(capsys, "feedback", "latest", "--prefer", "001-a", "--note", "lower", "--json"))
    assert data["prefer"] == "001-a"
    assert run.store.answer_path(1).exists()
    out(capsys, "feedback", "latest", "--reject")
    assert len(run.store.answers()) == 2
    assert "no terminal" in failed(capsys, "feedback", "latest")


def test_a_finished_run_is_continued_with_more_iterations(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    for outcome, more in (("unsolved", " --iterations 5"), ("solved", " --iterations 5 --keep-going"), ("", "")):
        run.store.update(status="done" if outcome else "stopped", outcome=outcome)
        assert execute(["feedback", run.id, "--note", "lower"]) == 0
        last = capsys.readouterr().err.splitlines()[-1]
        assert last == f"Continue with: reward-synth resume {run.store.short_id}{more}"


def test_a_candidate_that_does_not_exist(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    assert_refused(capsys, ["feedback", run.id, "--prefer", "009-z"], "no candidate '009-z'", "001-a")


def test_an_order_of_candidates_stands_for_their_episodes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store = make_run(tmp_path)
    given = ["--runs-dir", str(tmp_path), "--order", f"001-b > {WALKED[0]}, reference"]
    assert execute(["feedback", store.id, *given, "--json"]) == 0
    said = capsys.readouterr()
    data = json.loads(said.out)
    assert f"rank 1: {len(CRAWLED)} recorded episodes ({len(CRAWLED)} of 001-b)" in said.err
    assert f"rank 2: {1 + len(RESTED)} recorded episodes (1 of 001-a, {len(RESTED)} of reference)" in said.err
    assert data["order"] == [list(CRAWLED), [WALKED[0], *RESTED]]
    assert store.answers()[0].order[0] == CRAWLED
    wrong = ["feedback", store.id, "--runs-dir", str(tmp_path), "--order", "001-b > 001-z"]
    assert_refused(capsys, wrong, "no recorded episode '001-z'", "there are episodes of 001-")
    twice = ["feedback", store.id, "--runs-dir", str(tmp_path), "--order", f"001-b > {CRAWLED[0]}"]
    assert_refused(capsys, twice, f"{CRAWLED[0]} in two places", "once")
    assert len(store.answers()) == 1
