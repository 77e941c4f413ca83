from __future__ import annotations

import json

import pytest

from reward_synth.api.run import Run
from reward_synth.core.types import Candidate
from reward_synth.events.model import CandidateTrained
from tests.cli.cases import out


def test_logs(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.record(CandidateTrained(candidate=Candidate(id="001-a", iteration=1, status="trained", success=0.5)))
    assert "trained candidate=001-a status=trained success=0.5" in out(capsys, "logs", "latest", "-f")
    assert json.loads(out(capsys, "logs", "latest", "--json"))["candidate"]["id"] == "001-a"
