from __future__ import annotations

import json
from pathlib import Path

import pytest

from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from tests.cli.cases import out


def test_ls(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    other = RunStore.create(Path("runs"), "hop", Settings())
    table = out(capsys, "ls")
    assert run.id in table
    assert "solved" in table
    # Nobody holds its lock, so it does not run any more.
    assert "interrupted" in table
    assert [row["id"] for row in json.loads(out(capsys, "ls", "--json", "-q", "hop"))] == [other.id]
    assert [row["id"] for row in json.loads(out(capsys, "ls", "--json", "--status", "solved"))] == [run.id]
    assert execute(["ls", "--runs-dir", "nowhere"]) == 0
    assert capsys.readouterr().err == "no runs in nowhere\n"


@pytest.mark.parametrize("command", ["ls", "cost"])
def test_a_run_that_is_not_fit_to_be_opened_hides_no_other(
    capsys: pytest.CaptureFixture[str], run: Run, command: str
) -> None:
    sent = RunStore.create(Path("runs"), "hop", Settings())
    (sent.path / "log.txt").symlink_to("/etc/passwd")
    assert execute([command, "--json"]) == 0
    shown = capsys.readouterr()
    assert run.id in shown.out
    assert sent.id not in shown.out
    assert f"left out: runs/{sent.id}/log.txt is no plain file" in shown.err
