from __future__ import annotations

import json

import pytest

from reward_synth.api.run import Run
from reward_synth.core.types import FeedbackRequest
from tests.cli.cases import assert_refused, failed, out


def test_feedback_by_options_is_written_and_followed(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.write_request(FeedbackRequest(iteration=1))
    data = json.loads(out(capsys, "feedback", "latest", "--prefer", "001-a", "--note", "lower", "--json"))
    assert data["prefer"] == "001-a"
    assert run.store.answer_path(1).exists()
    out(capsys, "feedback", "latest", "--reject")
    assert len(run.store.answers()) == 2
    assert "no terminal" in failed(capsys, "feedback", "latest")


def test_a_candidate_that_does_not_exist(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    assert_refused(capsys, ["feedback", run.id, "--prefer", "009-z"], "no candidate '009-z'", "001-a")
