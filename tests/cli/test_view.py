from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.cli.view import page_beside
from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.custom.files import file_of
from reward_synth.viewer import serve
from tests.cli.cases import assert_refused
from tests.custom_cases import write_point


def test_a_port_that_is_taken_and_a_run_that_does_not_exist(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(capsys, ["view", "--port", port, "--no-browser"], f"cannot listen on 127.0.0.1:{port}", "--port")
    assert_refused(capsys, ["view", "nobody", "--no-browser"], "there is no run 'nobody'", "ls")


def test_the_first_free_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(serve, "PORT", taken.getsockname()[1])
        with serve._listening("127.0.0.1", None) as listener:
            assert listener.getsockname()[1] != taken.getsockname()[1]


def test_a_server_of_all_runs_is_told_where_an_environment_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    file = write_point(tmp_path).with_name("point.py")
    monkeypatch.setattr(serve, "serve", lambda *_: None)
    assert execute(["view", "--no-browser", "--env", f"{file}:Point"]) == 0
    assert file_of("point.py:Point") == file


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "uvicorn" else name)
    with pytest.raises(RewardSynthError, match="the page needs uvicorn") as error, page_beside(True):
        pass
    assert error.value.hint == "pip install 'reward-synth[view]'"


def test_a_page_beside_a_run_ends_with_it(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remembered(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        with (tmp_path / "address").open("w") as address:
            started.append(popen([*command, "--no-browser"], **options | {"stdout": address}))
        return started[0]

    monkeypatch.setattr("reward_synth.cli.view.subprocess.Popen", remembered)
    with page_beside(False) as show:
        show(run)
    assert started == []
    with page_beside(True) as show:
        show(run)
        while f"/run/{run.id}" not in (tmp_path / "address").read_text():
            assert started[0].poll() is None
    assert started[0].poll() is not None
    assert started[0].args[0] == sys.executable  # type: ignore[index]
