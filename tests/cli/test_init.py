from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from reward_synth.api.begin import NEXT
from reward_synth.cli.app import execute
from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.declarations import SETTINGS
from reward_synth.settings.model import Settings
from reward_synth.settings.sources import load_settings
from tests.cli.cases import failed, out


def test_it_writes_three_files_and_says_what_to_type(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert execute(["init", "new place"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"new place/{name}" for name in ("reward-synth.toml", "task.yaml", "reward.py")]
    assert "cd 'new place'" in told.err and all(command in told.err for command in NEXT)
    before = {path.name: path.read_bytes() for path in Path("new place").iterdir()}
    assert "reward-synth.toml exists already" in failed(capsys, "init", "new place")
    Path("new place/reward-synth.toml").unlink()
    assert "task.yaml exists already" in failed(capsys, "init", "new place")
    del before["reward-synth.toml"]
    assert {path.name: path.read_bytes() for path in Path("new place").iterdir()} == before


def test_what_it_says_works(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out(capsys, "init", "there")
    monkeypatch.chdir(tmp_path / "there")
    check, train, run = map(shlex.split, NEXT)
    assert execute(check[1:]) == 0, capsys.readouterr()
    assert "reward.py: clean" in capsys.readouterr().err
    assert execute([*run[1:], "--dry-run", "--model", "manual"]) == 0
    assert "start_from" in capsys.readouterr().out
    for text in (Path("task.yaml").read_text(), Path("reward.py").read_text()):
        lists = re.search(r"`reward-synth ([^`]+)` lists", text)
        assert lists and "pole_angle: float" in out(capsys, *shlex.split(lists[1]))
    assert train[:2] == ["reward-synth", "train"] and Path(train[2]).exists() and Path(train[4]).exists()


@pytest.mark.slow
def test_the_reward_trains_a_policy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out(capsys, "init")
    _, train, _ = map(shlex.split, NEXT)
    assert execute(train[1:]) == 0
    assert "success 100%" in capsys.readouterr().err


def test_every_line_of_the_settings_loads_if_its_mark_is_removed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out(capsys, "init")
    file = Path("reward-synth.toml")
    assert load_settings({}).settings == Settings()
    text = file.read_text()
    lines = [line[2:] for line in text.splitlines() if line.startswith("# ") and line[2:].split(" ")[0] in SETTINGS]
    lines = [line for line in lines if " = " in line]
    assert [line.split(" ")[0] for line in lines] == [name for name in SETTINGS if name != "unsafe_no_sandbox"]
    assert "NUMBER" in text
    for line in lines:
        name, _, value = line.partition(" = ")
        if value == "NUMBER":
            continue
        default = Settings.model_fields[name].get_default(call_default_factory=True)
        file.write_text(line + "\n")
        if default is None or name == "models":
            assert tomllib.loads(line), "a name or a file stands there"
            continue
        try:
            found = getattr(load_settings({}).settings, name)
        except RewardSynthError as refused:
            assert "would do nothing" in refused.message
            continue
        assert found == (tmp_path / default if name == "runs_dir" else default)
