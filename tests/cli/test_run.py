from __future__ import annotations

import errno
import importlib.util
import inspect
import json
import os
from pathlib import Path

import pytest

from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.cli.run import run as run_command
from reward_synth.core import files
from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.model import Settings
from tests.cli.cases import assert_refused, end_with, failed, out

# What only one invocation is about, and what is spelt otherwise there.
NO_SETTINGS = {"goal", "set_values", "json", "dry_run", "view"}
SPELT_OTHERWISE = {"models": "--model ROLE=NAME"}


# The wrong uses that people make ----------------------------------------------------------------------------------


def test_unknown_environment(capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "run", "hop", "--env", "Hoper-v5", "--model", "local")
    assert said.startswith("error: unknown environment 'Hoper-v5'\n\nhint: did you mean Hopper-v5")
    assert not Path("runs").exists()


def test_unknown_task(capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "run", "hop", "--task", "hoper_hop_forward")
    assert said.startswith("error: there is no task 'hoper_hop_forward'\n\nhint: did you mean gym/hopper_hop_forward")
    assert not Path("runs").exists()


def test_misspelt_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(capsys, "run", "hop", "--budgt", "2") == (
        "error: no such option: --budgt\n\nhint: did you mean --budget?\n"
    )


def test_bad_yaml(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Path("mine.yaml").write_text("name: gym/mine\ngoal: [unclosed\n")
    said = failed(capsys, "run", "hop", "--task", "mine.yaml")
    assert said.startswith("error: the task spec mine.yaml, line ")
    assert "is not valid YAML" in said


def test_missing_key(capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "anthropic/claude-sonnet-4-5")
    error = said.split("\n\nhint: ")[0]
    assert "anthropic/claude-sonnet-4-5" in error
    assert "ANTHROPIC_API_KEY" in said
    assert not Path("runs").exists()


def test_runs_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    # Below a regular file nobody can make a folder, not even root, whom permissions do not stop.
    Path("file").write_text("")
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "local", "--runs-dir", "file/runs")
    assert said.startswith("error: cannot write file/runs/")
    assert said.endswith("\n\nhint: choose a folder that you may write to; for a new run: --runs-dir DIR\n")


def test_the_embedded_models_library_is_missed_before_a_folder_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else found(name))
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "local")
    assert said.startswith("error: the local model needs xllamacpp\n")
    assert 'pip install "reward-synth[local]"' in said
    assert not Path("runs").exists()


def test_no_disk_space(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "local")
    assert said.startswith("error: no space left on the disk while writing runs/")
    assert said.endswith("hint: free some space, then resume: nothing that was finished is lost\n")


def test_what_cannot_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told, advice in (
        (["run", "make", "it", "hop"], "unexpected extra argument", "put the goal in quotes"),
        (["run", ""], "the goal is empty", "hop"),
        (["run", "hop", "--samples", "many"], "--samples must be", "Rewards designed"),
        (["run", "hop", "--set", "sampels=2"], "unknown option: --sampels", "did you mean 'samples'?"),
        (["run", "hop", "--set", "samples"], "has no '='", "KEY=VALUE"),
        (["run", "hop", "--json", "--display", "rich"], "contradict", "drop one"),
        (["run", "hop", "--feedback-timeout", "5"], "would do nothing", "--feedback queue"),
        (["run", "hop", "--prompts", "nowhere", "--model", "local"], "no folder nowhere", "--prompts"),
        (["run", "hop", "--model", "manual", "--budget", "3"], "the price of manual is unknown", "drop --budget"),
    ):
        assert_refused(capsys, arguments, told, advice)


# What would be done, and how it ends -------------------------------------------------------------------------------


def test_dry_run_forecasts_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "make the hopper hop forward", "--model", "local", "--dry-run", "--no-critic", "--repairs", "1")
    text = out(capsys, *arguments)
    assert "Goal: make the hopper hop forward" in text
    assert "free, runs here" in text
    assert "gym/hopper_hop_forward on Hopper-v5" in text
    data = json.loads(out(capsys, *arguments, "--json"))
    # 4 designs and 1 analysis; 3 iterations of 4 designs with a repair each, and an analysis.
    assert data["calls"] == {"low": 5, "high": 27}
    assert data["usd"] == {"low": 0, "high": 0}
    assert data["origins"]["steps"] == "task gym/hopper_hop_forward"
    assert list(Path().iterdir()) == []


def test_after_an_interruption_the_last_line_continues(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with(monkeypatch, KeyboardInterrupt())
    assert execute(["run", "make the hopper hop forward", "--model", "local", "--display", "plain"]) == 130
    run = Run.open("latest")
    assert run.status == "stopped"
    assert capsys.readouterr().err.splitlines()[-1] == f"Continue with: reward-synth resume {run.store.short_id}"


def test_after_an_error_the_last_line_continues_and_the_log_has_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with(monkeypatch, RewardSynthError("the provider is gone", "try later"))
    assert execute(["run", "hop forward", "--task", "hopper_hop_forward", "--model", "local", "--display", "none"]) == 2
    run = Run.open("latest")
    said = capsys.readouterr().err
    assert said.startswith("error: the provider is gone\n\nhint: try later\n")
    assert said.splitlines()[-1].endswith(f"continue with: reward-synth resume {run.store.short_id}")
    assert (run.status, run.info.reason) == ("failed", "the provider is gone")
    assert "Traceback" in run.store.log_path.read_text()


def test_every_setting_is_an_option() -> None:
    options = set(inspect.signature(run_command).parameters) - NO_SETTINGS
    assert options == set(Settings.model_fields) - set(SPELT_OTHERWISE)
