from __future__ import annotations

import errno
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reward_synth import __version__
from reward_synth.api.run import Run
from reward_synth.cli import running
from reward_synth.cli.app import execute
from reward_synth.core import files
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import (
    Alignment,
    Candidate,
    CheckReport,
    EvaluationPoint,
    Finding,
    Measurement,
    TrainResult,
)
from reward_synth.display.json import JsonDisplay
from reward_synth.settings.model import RESUMABLE, Settings
from reward_synth.store import RunStore
from reward_synth.training.job import RungEnd

ROOT = Path(__file__).parents[2]
REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': -next_state.x_velocity}\n"
# What only one invocation is about, and what is spelt otherwise there.
NO_SETTINGS = {"goal", "set_values", "json", "dry_run"}
SPELT_OTHERWISE = {"models": "--model ROLE=NAME"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("REWARD_SYNTH_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    store = RunStore.create(Path("runs"), "run backwards", Settings(), "gym/half_cheetah_run_backward")
    store.write_task((ROOT / "task_specs/gym/half_cheetah_run_backward.yaml").read_text())
    finding = Finding(rule="dead-term", message="'x' is always 0", line=2, severity="warning", source="probe")
    episode = Measurement(success=True, success_any=True, fitness=30.0, length=1000, terminated=False)
    for name, factor in (("001-a", "-1.0"), ("001-b", "-2.0")):
        store.write_reward(name, REWARD.replace("-next", f"{factor} * next"))
        ranking = Alignment(behaviours=34, reward=0.9, terms={"speed": 0.9})
        report = CheckReport(findings=(finding,), fields=("x_velocity",), terms=("speed",), alignment=ranking)
        store.write_check(name, report)
        result = TrainResult(status="trained", seed=1, steps=5000, seconds=9.0, cpu_seconds=7.2, episodes=(episode,))
        folder = store.train_dir(name, 0)
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(result.model_dump_json())
        store.save_candidate(Candidate(id=name, iteration=1, status="trained", success=0.5, fitness=2.0, steps=5000))
    store.set_best("001-b")
    store.write_iteration(1, "It runs.")
    store.update(status="done", outcome="solved", seconds=61)
    return Run(store)


def failed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """stderr of a command line that is refused."""
    assert execute(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    error, hint = captured.err.split("\n\nhint: ")
    assert error.startswith("error: ")
    assert hint.strip()
    return captured.err


# The wrong uses that people make ------------------------------------------------------------------------------------


def test_unknown_environment(capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "run", "hop", "--env", "Hoper-v5", "--model", "local")
    assert said.startswith("error: unknown environment 'Hoper-v5'\n\nhint: did you mean Hopper-v5")
    assert not Path("runs").exists()


def test_unknown_task(capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "run", "hop", "--task", "hoper_hop_forward")
    assert said.startswith("error: there is no task 'hoper_hop_forward'\n\nhint: did you mean gym/hopper_hop_forward")
    assert not Path("runs").exists()


def test_misspelt_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(capsys, "run", "hop", "--iteratons", "2") == (
        "error: no such option: --iteratons\n\nhint: did you mean --iterations?\n"
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


def test_weights_that_are_others(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from reward_synth.llm.weights import QWEN

    Path("models").mkdir()
    (Path("models") / QWEN.file).write_bytes(b"not the weights")
    monkeypatch.setenv("REWARD_SYNTH_MODELS_DIR", str(Path("models").resolve()))
    said = failed(capsys, "models", "pull")
    assert "is not the expected file: sha256" in said
    assert "delete" in said.split("hint: ")[1]


def test_runs_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    # Below a regular file nobody can make a folder, not even root, whom permissions do not stop.
    Path("file").write_text("")
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "local", "--runs-dir", "file/runs")
    assert said.startswith("error: cannot write file/runs/")
    assert said.endswith("\n\nhint: choose a folder that you may write to: --runs-dir DIR\n")


def test_the_embedded_models_library_is_missed_before_a_folder_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else found(name))
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "local")
    assert said.startswith("error: the local model needs xllamacpp\n")
    assert 'pip install "reward-synth[local]"' in said
    assert not Path("runs").exists()


def test_reward_file_with_a_syntax_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("reward.py").write_text("def compute_reward(state, action, next_state)\n    return {}\n")
    assert execute(["check", "reward.py", "--task", "hopper_hop_forward", "--only", "lint"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("reward.py:1: error [")
    said = failed(capsys, "train", "reward.py", "--task", "hopper_hop_forward", code=1)
    assert said.startswith("error: the reward cannot be trained:\n  line 1: ")
    assert "hint: reward-synth check reward.py --task gym/hopper_hop_forward" in said


@pytest.mark.parametrize("command", ["show", "resume", "export", "logs", "cost", "stop", "feedback"])
def test_a_run_that_does_not_exist(capsys: pytest.CaptureFixture[str], run: Run, command: str) -> None:
    assert failed(capsys, command, "run-backward") == (
        f"error: there is no run 'run-backward' in runs\n\nhint: did you mean '{run.id}'?\n"
    )


def test_no_disk_space(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    said = failed(capsys, "run", "make the hopper hop forward", "--model", "local")
    assert said.startswith("error: no space left on the disk while writing runs/")
    assert said.endswith("hint: free some space, or choose a folder on another disk: --runs-dir DIR\n")


def test_more_that_cannot_be_meant(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    for arguments, told, advice in (
        (["rnu", "hop"], "no such command 'rnu'", "did you mean 'run'?"),
        (["run", "make", "it", "hop"], "unexpected extra argument", "put the goal in quotes"),
        (["run", ""], "the goal is empty", "hop"),
        (["run", "hop", "--samples", "many"], "--samples must be", "Rewards designed"),
        (["run", "hop", "--set", "sampels=2"], "unknown option: --sampels", "did you mean 'samples'?"),
        (["run", "hop", "--set", "samples"], "has no '='", "KEY=VALUE"),
        (["run", "hop", "--json", "--display", "rich"], "contradict", "drop one"),
        (["run", "hop", "--feedback-timeout", "5"], "would do nothing", "--feedback queue"),
        (["run", "hop", "--prompts", "nowhere", "--model", "local"], "no folder nowhere", "--prompts"),
        (["run", "hop", "--model", "manual", "--budget", "3"], "the price of manual is unknown", "drop --budget"),
        (["check", "nowhere.py", "--task", "hopper_hop_forward"], "cannot read nowhere.py", "path"),
        (["check", "x.py"], "missing option '--task'", "reward-synth check --help"),
        (["show", run.id, "009-z"], "no candidate '009-z'", "001-a, 001-b"),
        (["show", run.id, "best"], "'best' is not a candidate", "003-b"),
        (["stop", run.id], "no process is working", "solved"),
        (["feedback", run.id, "--prefer", "009-z"], "no candidate '009-z'", "001-a"),
    ):
        said = failed(capsys, *arguments)
        assert told in said.split("\n\nhint: ")[0], arguments
        assert advice in said.split("\n\nhint: ")[1], arguments


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--debug", "show", "x"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert execute(["show", "x", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_failure_is_words_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("reward_synth.tasks.spec.list_tasks", broken)
    assert "unexpected ZeroDivisionError: division by zero" in failed(capsys, "tasks", "ls")


# Looking ------------------------------------------------------------------------------------------------------------


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert execute(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


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


def test_a_run_that_is_not_fit_to_be_opened_hides_no_other(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    sent = RunStore.create(Path("runs"), "hop", Settings())
    (sent.path / "log.txt").symlink_to("/etc/passwd")
    for command in ("ls", "cost"):
        assert execute([command, "--json"]) == 0
        shown = capsys.readouterr()
        assert run.id in shown.out
        assert sent.id not in shown.out
        assert f"left out: runs/{sent.id}/log.txt is no plain file" in shown.err


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
    assert data["ranking"] == {"behaviours": 34, "reward": 0.9, "terms": {"speed": 0.9}}


def test_what_models_wrote_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.write_iteration(2, "fine\x1b]0;title\x07\x9b2J")
    assert "fine]0;title2J" in out(capsys, "show", "latest")


def test_diff(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    lines = out(capsys, "diff", "latest", "001-a", "001-b").splitlines()
    assert lines[:2] == ["--- 001-a/reward.py", "+++ 001-b/reward.py"]
    assert "-    return {'speed': -1.0 * next_state.x_velocity}" in lines
    assert "+    return {'speed': -2.0 * next_state.x_velocity}" in lines
    assert out(capsys, "diff", "latest", "001-a", "001-a") == ""


def test_logs(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.event("trained", candidate="001-a", success=0.5)
    assert "trained candidate=001-a success=0.5" in out(capsys, "logs", "latest", "-f")
    assert json.loads(out(capsys, "logs", "latest", "--json"))["candidate"] == "001-a"


def test_cost(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    known = '{"time":"2026-01-01T00:00:00Z","role":"designer","model":"m","prompt_tokens":10,'
    known += '"completion_tokens":5,"usd":0.25,"seconds":2.0}\n'
    unknown = known.replace("0.25", "null").replace("designer", "critic")
    (run.path / "costs.jsonl").write_text(known + known + unknown)
    text = out(capsys, "cost", "latest")
    assert "unknown" in text
    assert "10,000 steps in 2 trainings" in text
    rows = {row["of"]: row for row in json.loads(out(capsys, "cost", "latest", "--json"))["calls"]}
    assert rows["designer"]["usd"] == 0.5
    assert rows["critic"]["usd"] is None
    assert rows["all"]["usd"] is None
    assert rows["all"]["prompt_tokens"] == 30
    assert [row["of"] for row in json.loads(out(capsys, "cost", "--json"))["calls"]] == [run.id]


def test_cost_counts_a_training_that_another_ones_success_broke_off(
    capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    before = json.loads(out(capsys, "cost", "latest", "--json"))["training"]
    folder = run.store.train_dir("001-b", 0)
    (folder / "result.json").unlink()
    (folder / "progress.csv").write_text("step,seconds,reward,episode_length\n4096,8.0,1.0,200.0\n")
    paused = RungEnd(status="done", job="any", steps=3000, seconds=6.0, cpu_seconds=5.2)
    RungEnd.path(folder).write_text(paused.model_dump_json())
    after = json.loads(out(capsys, "cost", "latest", "--json"))["training"]
    assert (before["trainings"], after["trainings"]) == (2, 2)
    assert before["steps"] - after["steps"] == 5000 - 4096
    assert before["cpu_hours"] - after["cpu_hours"] == pytest.approx((7.2 - 5.2) / 3600, abs=2e-4)


def test_feedback_by_options_is_written_and_followed(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    run.store.write_request(1, {"iteration": 1})
    data = json.loads(out(capsys, "feedback", "latest", "--prefer", "001-a", "--note", "lower", "--json"))
    assert data["prefer"] == "001-a"
    assert run.store.answer_path(1).exists()
    out(capsys, "feedback", "latest", "--reject")
    assert len(run.store.answers()) == 2
    assert "no terminal" in failed(capsys, "feedback", "latest")


def test_export_runs_without_this_package(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    path = out(capsys, "export", "latest", "--out", "exported.py").strip()
    program = (
        "import sys; sys.modules['reward_synth'] = None; sys.path.insert(0, '.'); import exported\n"
        "env = exported.make(); env.reset(seed=0)\n"
        "print(sorted(env.step(env.action_space.sample())[4]['reward_terms']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert path == "exported.py"
    assert done.stdout == "['speed']\n", done.stderr
    assert "exists already" in failed(capsys, "export", "latest", "--out", "exported.py")


# Checking, the rest -------------------------------------------------------------------------------------------------


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


def test_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert "gym/hopper_hop_forward" in out(capsys, "tasks", "ls")
    assert len(json.loads(out(capsys, "tasks", "ls", "--json"))) >= 11
    assert "Hopper-v5" in out(capsys, "tasks", "show", "hopper_hop_forward")
    assert json.loads(out(capsys, "tasks", "show", "hopper_hop_forward", "--json"))["environment"]["id"] == "Hopper-v5"


def test_models_ls_shows_no_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPENAI_API_KEY=sk-very-secret-indeed\n")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    rows = {row["name"]: row for row in json.loads(out(capsys, "models", "ls", "--json"))}
    assert {"local", "manual", "replay:FILE"} <= set(rows)
    assert any("OPENAI_API_KEY is set" in row["note"] for row in rows.values())
    assert "very-secret" not in out(capsys, "models", "ls")


def test_config_show_says_where_from(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_SYNTH_SAMPLES", "6")
    data = json.loads(out(capsys, "config", "show", "--json", "--set", "models.critic=local"))
    assert data["samples"] == {"value": 6, "origin": "REWARD_SYNTH_SAMPLES"}
    assert data["models"]["value"] == {"critic": "local"}
    assert data["seeds"]["origin"] == "default"


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


def test_version_and_help_load_nothing_heavy() -> None:
    program = (
        "import sys; from reward_synth.cli.app import execute; code = execute(sys.argv[1:])\n"
        "heavy = 'torch numpy gymnasium mujoco litellm stable_baselines3 pydantic jinja2 rich ruamel'.split()\n"
        "sys.exit(code or [name for name in heavy if name in sys.modules] or 0)"
    )
    for argument, told in (("--help", "Commands:"), ("--version", f"reward-synth {__version__}\n")):
        done = subprocess.run([sys.executable, "-c", program, argument], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert told in done.stdout


def test_importing_the_package_loads_nothing_heavy_and_has_its_names() -> None:
    program = (
        "import sys, reward_synth\nassert not {'numpy', 'pydantic', 'torch'} & set(sys.modules)\n"
        "for name in reward_synth.__all__: assert getattr(reward_synth, name).__name__ == name\n"
        "try: reward_synth.nothing\nexcept AttributeError: pass\nelse: raise SystemExit('no error')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_display_writes_json_lines_only(capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonDisplay()
    display.start(Path("runs/x"), "hop", "", Settings())
    display.model_done("designer", 1.0, None)
    display.training(
        "001-a", 0, 10, 100, EvaluationPoint.model_validate(dict.fromkeys(EvaluationPoint.model_fields, 0))
    )
    display.done("solved", "001-a", "")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["launch", "done"]
    assert lines[-1]["cost_usd"] is None


# One name for one thing ---------------------------------------------------------------------------------------------


def test_options_settings_and_docs_are_the_same() -> None:
    options = set(inspect.signature(running.run).parameters) - NO_SETTINGS
    assert options == set(Settings.model_fields) - set(SPELT_OTHERWISE)
    # `--env` changes nothing of a run: it says where the file of its environment lies.
    resumable = set(inspect.signature(running.resume).parameters) - {"run", "runs_dir", "json", "env"}
    assert resumable == set(RESUMABLE)


@pytest.mark.parametrize("page", ["cli.md", "settings.md"])
def test_docs_are_what_the_code_says(page: str) -> None:
    generated = generator().PAGES[page]()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generated, "run: python docs/generate.py"
    if page == "settings.md":
        for name in Settings.model_fields:
            assert f"| `{name}` |" in generated


def generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# How a run ends -----------------------------------------------------------------------------------------------------


def end_with(monkeypatch: pytest.MonkeyPatch, ending: Any) -> None:
    """Put a search in place that ends in that way: this is about what the edge makes of it."""

    def search(*_: Any, **__: Any) -> Any:
        if isinstance(ending, BaseException):
            raise ending
        return ending

    monkeypatch.setattr("reward_synth.search.loop.search", search)


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


def test_exit_codes_and_footer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    from reward_synth.core.types import Outcome

    for status, code, told in (
        ("solved", 0, "reward-synth export"),
        ("accepted", 0, "reward-synth show"),
        ("unsolved", 1, "--iterations 5"),
        ("stopped", 1, f"Continue with: reward-synth resume {run.store.short_id}"),
        ("waiting", 0, f"Continue with: reward-synth resume {run.store.short_id}"),
    ):
        end_with(monkeypatch, Outcome.model_validate({"status": status, "best": "001-b", "reason": "x"}))
        assert execute(["resume", run.id, "--display", "plain"]) == code
        captured = capsys.readouterr()
        assert captured.out == f"{run.store.best_reward_path}\n"
        assert told in captured.err, status
        assert run.status == status


def test_json_puts_launch_first_and_done_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    from reward_synth.core.types import Outcome

    end_with(monkeypatch, Outcome(status="solved", best="001-b", reason="x"))
    assert execute(["resume", run.id, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {
        "event": "launch",
        "run_id": run.id,
        "run_dir": str(run.path),
        "goal": "run backwards",
        "task": "gym/half_cheetah_run_backward",
    }
    assert (lines[-1]["event"], lines[-1]["status"], lines[-1]["best"]) == ("done", "solved", "001-b")


def test_resuming_takes_back_what_stopped_it(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    from reward_synth.core.types import Feedback, Outcome

    run.stop()
    run.answer(Feedback(iteration=1, note="later", action="stop"))
    end_with(monkeypatch, Outcome(status="solved", best="001-b", reason="x"))
    run.resume(display="none", iterations=9)
    assert not run.store.stop_requested()
    answer = run.store.read_answer(1)
    assert answer is not None
    assert (answer.action, answer.note) == ("continue", "later")
    assert run.settings.iterations == 9


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
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "ran.txt").exists()
