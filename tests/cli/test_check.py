from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reward_synth.cli.app import execute
from tests.cli.cases import REWARD, assert_refused


def test_check_tells_clean_from_findings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("good.py").write_text(REWARD)
    assert execute(["check", "good.py", "--task", "half_cheetah_run_backward"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "good.py: clean; terms: speed"
    assert re.fullmatch(r"good.py: over \d+ recorded behaviours it ranks with fitness at \+[01]\.\d\d", told[1])
    assert execute(["check", "good.py", "--task", "half_cheetah_run_backward", "--unsafe-no-sandbox"]) == 0
    assert "warning: NO SANDBOX" in capsys.readouterr().err
    Path("bad.py").write_text(REWARD.replace("x_velocity", "x_velocty"))
    assert execute(["check", "bad.py", "--task", "half_cheetah_run_backward", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is False
    assert data["findings"][0]["rule"] == "unknown-field"
    assert "x_velocity" in data["findings"][0]["message"] + data["findings"][0]["fix"]
    assert execute(["check", "bad.py", "--task", "half_cheetah_run_backward", "--only", "lint"]) == 1
    assert "all fields: reward-synth tasks fields half_cheetah_run_backward\n" in capsys.readouterr().err


def test_an_attack_prints_what_behaviours_are_paid_and_only_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("good.py").write_text(REWARD)
    task = ["--task", "half_cheetah_run_backward"]
    assert execute(["check", "good.py", *task, "--plan-seconds", "0.001"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "behaviour" and lines[0].split()[-1] == "speed"
    assert any(line.startswith("statue at the start ") for line in lines)
    assert lines[-1].startswith("the planner tried ") and lines[-1].endswith("(0 episodes to the end)")
    assert execute(["check", "good.py", *task, "--plan-seconds", "0.001", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert "rest" in {row["behaviour"] for row in data["pay"]} and data["planned"]["rounds"] == 0
    assert execute(["check", "good.py", *task]) == 0
    assert capsys.readouterr().out == ""
    for seconds, only in (("-1", []), ("inf", []), ("8", ["--only", "lint"])):
        arguments = ["check", "good.py", *task, "--plan-seconds", seconds, *only]
        assert_refused(capsys, arguments, "a planner cannot run for", "8 for example")


def test_a_syntax_error_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    Path("reward.py").write_text("def compute_reward(state, action, next_state)\n    return {}\n")
    assert execute(["check", "reward.py", "--task", "hopper_hop_forward", "--only", "lint"]) == 1
    assert capsys.readouterr().out.startswith("reward.py:1: error [")


def test_what_cannot_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told, advice in (
        (["check", "nowhere.py", "--task", "hopper_hop_forward"], "cannot read nowhere.py", "path"),
        (["check", "x.py"], "missing option '--task'", "reward-synth check --help"),
    ):
        assert_refused(capsys, arguments, told, advice)


def test_no_module_of_the_working_folder_is_run(tmp_path: Path) -> None:
    # glfw's import starts a Python of its own, which would take `struct` from the working folder.
    Path("reward.py").write_text(REWARD)
    for name in ("struct", "json", "numpy", "sitecustomize"):
        Path(f"{name}.py").write_text(f"open({str(tmp_path / 'ran.txt')!r}, 'a').write({name!r})\n")
    command = [
        Path(sys.executable).with_name("reward-synth"),
        "check",
        "reward.py",
        "--task",
        "half_cheetah_run_backward",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "ran.txt").exists()
