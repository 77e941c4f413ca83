from __future__ import annotations

import pytest

from reward_synth.api.run import Run
from tests.cli.cases import assert_refused


def test_a_run_that_nobody_works_on(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    assert_refused(capsys, ["stop", run.id], "no process is working", "solved")
