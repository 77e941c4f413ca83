"""A run folder with damaged files: what still works, what is told, and what a repair makes of it."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from reward_synth import Run
from reward_synth.api.rebuilt import WARNING
from reward_synth.api.run_doctor import SET_ASIDE, examine_run
from reward_synth.cli.app import execute
from reward_synth.cli.text import run_argument

KEPT = Path(__file__).parents[1] / "store" / "old_runs" / "schema-1"


def kept(folder: Path) -> Run:
    return Run.open(shutil.copytree(KEPT, folder / "20260101-0000-example-abcd"))


def states(run: Run, repair: bool = False) -> dict[str, str]:
    return {each.name: each.state for each in examine_run(run.path, repair)}


def test_a_whole_run_is_whole(tmp_path: Path) -> None:
    assert set(states(kept(tmp_path)).values()) == {"ok"}


@pytest.mark.parametrize("content", [b"", b"half"])
@pytest.mark.parametrize("name", ["candidate.json", "train/seed-0/result.json"])
def test_one_damaged_file_hides_nothing_else(
    tmp_path: Path, name: str, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    run = kept(tmp_path)
    broken = next(c.id for c in run.candidates if (run.store.candidate_dir(c.id) / name).exists())
    path = run.store.candidate_dir(broken) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content else b"")
    others = [each.id for each in run.candidates if each.id != broken]
    for command in (["show", str(run.path)], ["cost", str(run.path)], ["ls", "--runs-dir", str(tmp_path)]):
        assert execute(command) == 0, command
    said = capsys.readouterr()
    assert f"{broken}/{name} cannot be read" in said.out and f"{broken}/{name} cannot be read" in said.err
    assert all(each in said.out for each in others)
    shown = f"candidates/{broken}/{name}"
    assert states(run)[shown] == "warning" and path.exists(), "it only looks"
    assert states(run, repair=True)[shown] == "warning" and (run.path / SET_ASIDE).exists()
    assert "warning" not in {state for name, state in states(run).items() if name != "candidate"}


@pytest.mark.parametrize("name", ["planned.npz", "scores.json"])
def test_a_damaged_episode_of_an_attack_is_set_aside(tmp_path: Path, name: str) -> None:
    run = kept(tmp_path)
    path = run.store.planned_path(run.candidates[0].id, "planned").with_name(name)
    path.parent.mkdir()
    path.write_bytes(b"half")
    shown = str(path.relative_to(run.path))
    assert execute(["show", str(run.path), run.candidates[0].id]) == 0
    assert states(run)[shown] == "warning" == states(run, repair=True)[shown]
    assert (run.path / SET_ASIDE / shown).exists() and "warning" not in states(run).values()


def test_runs_that_cannot_be_read_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run = kept(tmp_path)
    newer = shutil.copytree(run.path, tmp_path / "20260102-0000-newer-abce")
    manifest = json.loads((newer / "run.json").read_text())
    (newer / "run.json").write_text(json.dumps(manifest | {"format": 99}))
    damaged = shutil.copytree(run.path, tmp_path / "20260103-0000-damaged-abcf")
    (damaged / "run.json").write_text("{")
    assert Run.open("latest", tmp_path).id == run.id
    assert "99" in caplog.text and "damaged-abcf" in caplog.text
    assert execute(["ls", "--runs-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert "schema 99" in said and "newer version" in said and "damaged-abcf" in said


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"format": 2}'])
def test_a_lost_manifest_is_made_again_from_the_rest(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    run = kept(tmp_path)
    before, manifest = run.info, run.path / "run.json"
    manifest.unlink() if content is None else manifest.write_bytes(content)
    assert execute(["show", str(run.path)]) == 2
    assert "doctor" in capsys.readouterr().err
    assert execute(["doctor", str(run.path)]) == 2
    assert "it can be made again" in capsys.readouterr().out
    assert execute(["doctor", str(run.path), "--repair"]) == 0
    # The kept run has another name, and a journal of a version that did not tell the seconds.
    lost = {"id", "seconds", "format", "versions", "warnings", "sandbox", "updated", "created", "outcome"}
    assert run.info.model_dump(exclude=lost) == before.model_dump(exclude=lost)
    assert WARNING in run.info.warnings
    assert execute(["show", str(run.path)]) == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("events.jsonl", "", "the journal, which also holds the goal, is lost"),
        ("settings.toml", "method = 'sy", "settings.toml"),
        ("run.json", '{"format": 99}', "newer version"),
    ],
)
def test_a_manifest_that_cannot_be_made_again_says_why(
    tmp_path: Path, name: str, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = kept(tmp_path)
    (run.path / "run.json").write_text("{")
    (run.path / name).write_text(content)
    held = (run.path / "run.json").read_text()
    assert execute(["doctor", str(run.path), "--repair"]) == 2
    assert said in capsys.readouterr().out
    assert (run.path / "run.json").read_text() == held


def test_a_large_run_is_looked_through_in_a_moment(tmp_path: Path) -> None:
    run = kept(tmp_path)
    one = run.candidates[0].id
    for number in range(200):
        shutil.copytree(run.store.candidate_dir(one), run.path / "candidates" / f"{number + 100}-a")
    assert states(run)["files"] == "ok"


def test_a_run_is_named_as_a_shell_reads_it(tmp_path: Path) -> None:
    run = kept(tmp_path / "my $HOME `runs`")
    assert shlex.split(f"reward-synth resume {run_argument(run)}") == ["reward-synth", "resume", str(run.path)]


@pytest.mark.slow
def test_each_command_answers_in_words_whatever_file_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = kept(tmp_path)
    files = [path for path in run.path.rglob("*") if path.is_file()]
    # Only a search reads the frozen prompts. One of them stands for all.
    prompts = [path for path in files if path.is_relative_to(run.path / "prompts")]
    for path in [path for path in files if path not in prompts[1:]]:
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], b""):
            path.write_bytes(damaged)
            for command in ("show", "cost", "logs", "doctor", "export"):
                execute([command, str(run.path)])
                said = capsys.readouterr().err
                assert "unexpected" not in said, (command, path.name, said)
        path.write_bytes(content)
