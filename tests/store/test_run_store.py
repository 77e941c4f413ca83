from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from reward_synth.core import files
from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from tests.store.cases import GOAL, REWARD, SETTINGS, trained


def test_a_new_run_holds_what_was_asked_and_nothing_of_the_machine(store: RunStore) -> None:
    assert re.fullmatch(r"\d{8}-\d{4}-half-cheetah-run-backwards-[a-z2-9]{4}", store.path.name)
    assert store.info.goal == GOAL
    assert store.info.status == "running"
    assert {"python", "numpy", "mujoco", "gymnasium", "torch"} <= set(store.info.versions)
    assert (store.path / "command.txt").read_text() == "reward-synth run x\n"
    assert tomllib.loads((store.path / "settings.toml").read_text())["models"] == {"critic": "local"}
    assert RunStore.open(store.path).settings() == SETTINGS
    assert store.origins() == {"samples": "--samples"}


@pytest.mark.parametrize("left", ["", 'method = "synth"\n'])
def test_settings_of_which_some_are_lost_are_not_taken_for_defaults(store: RunStore, left: str) -> None:
    (store.path / "settings.toml").write_text(left)
    with pytest.raises(RewardSynthError, match=r"settings.toml has lost settings: samples"):
        store.settings()
    (store.path / "settings.origin.json").write_text("{")
    assert store.origins() == {}, "nothing but what is shown depends on it"


def test_a_run_that_goes_on_with_other_versions_says_so(store: RunStore) -> None:
    assert store.other_versions() == []
    here = store.info.versions
    # Who develops this package changes it in every run; a package that only one of the two has tells nothing.
    store.update(versions=here | {"mujoco": "2.3.7", "numpy": "1.26.0", "reward_synth": "0.0.1", "gone": "1"})
    (text,) = store.other_versions()
    assert text == (
        f"this run began with mujoco 2.3.7, numpy 1.26.0, and mujoco {here['mujoco']}, numpy {here['numpy']} is"
        " installed now: figures of before and after do not compare"
    )


def test_a_new_run_does_not_name_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Real host names can be so short that they stand in any text.
    for module, function in ((socket, "gethostname"), (platform, "node")):
        monkeypatch.setattr(module, function, lambda: "a-particular-machine")
    store = RunStore.create(tmp_path, GOAL, SETTINGS)
    everything = "".join(path.read_text() for path in store.path.rglob("*") if path.is_file())
    assert "a-particular-machine" not in everything


def test_results_and_the_best(store: RunStore) -> None:
    for name, more in {
        "001-a": {"status": "rejected", "reason": "two\nlines\tand a tab", "success": None, "fitness": None},
        "001-b": {"success_interval": (0.25, 0.75), "cost_usd": 0.0123, "steps": 5000, "parents": ("001-a",)},
    }.items():
        store.write_reward(name, f"# {name}\n{REWARD}")
        store.save_candidate(trained(name, **more))
    store.results_table()
    lines = store.results_path.read_text().splitlines()
    assert lines[0].split("\t") == [
        "id",
        "parent",
        "iter",
        "status",
        "success",
        "lo",
        "hi",
        "fitness",
        "cost_usd",
        "steps",
        "steps_saved",
        "reason",
    ]
    assert lines[1].split("\t") == ["001-a", "", "1", "rejected", "", "", "", "", "", "0", "0", "two lines and a tab"]
    assert lines[2].split("\t")[:10] == [
        "001-b",
        "001-a",
        "1",
        "trained",
        "0.5",
        "0.25",
        "0.75",
        "1.25",
        "0.0123",
        "5000",
    ]

    store.set_best("001-b")
    assert store.best_reward_path.read_bytes() == store.reward_path("001-b").read_bytes()
    assert not store.best_reward_path.is_symlink()
    assert json.loads((store.path / "best.json").read_text())["candidate"] == "001-b"
    assert (store.info.best, store.info.success) == ("001-b", 0.5)


def test_the_task_is_frozen(store: RunStore) -> None:
    assert store.read_task() is None
    store.write_task("name: gym/x\n")
    store.write_task("name: gym/x\n")
    with pytest.raises(RewardSynthError, match="frozen"):
        store.write_task("name: gym/easier\n")


def test_prompts_are_frozen_once(store: RunStore) -> None:
    store.freeze_prompts({"designer/full/design.md.j2": "one"})
    store.freeze_prompts({"designer/full/design.md.j2": "two"})
    assert (store.prompts_dir / "designer/full/design.md.j2").read_text() == "one"


def test_one_loop_at_a_time(store: RunStore) -> None:
    program = (
        "import sys; from pathlib import Path; from reward_synth.store import RunStore\n"
        "with RunStore(Path(sys.argv[1])).lock():\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert store.is_locked()
        with pytest.raises(RewardSynthError, match="another process"), store.lock():
            pass
        other.kill()
        other.wait()
    assert not store.is_locked()
    with store.lock():
        assert store.is_locked()


def test_who_only_looks_whether_a_run_is_locked_keeps_nobody_from_it(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.lock():
        pass
    with (store.path / "lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr(
            "reward_synth.store.run_store.time", SimpleNamespace(sleep=lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
        )
        with store.lock():
            assert store.is_locked()


def test_a_file_system_without_locks_is_told(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.lock():
        pass

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    assert not store.is_locked()
    with pytest.raises(RewardSynthError, match="cannot lock a file: No locks available"), store.lock():
        pass


def test_stopping(store: RunStore) -> None:
    assert not store.stop_requested()
    store.request_stop()
    assert store.stop_requested()
    store.clear_stop()
    store.clear_stop()
    assert not store.stop_requested()


def test_a_failed_write_leaves_the_old_file_and_no_draft(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (store.path / "run.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(RewardSynthError, match="no space left on the disk") as caught:
        store.update(status="done")
    assert "free some space" in caught.value.hint
    assert (store.path / "run.json").read_bytes() == before
    assert not list(store.path.glob(".*draft"))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RewardSynthError, match="cannot write"):
        RunStore.create(tmp_path / "file" / "runs", GOAL, Settings())


def test_a_run_with_anything_but_plain_files_is_refused(store: RunStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    link = store.path / "candidates" / "001-a" / "reward.py"
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)
    with pytest.raises(RewardSynthError, match=r"reward\.py is no plain file"):
        RunStore.open(store.path)
    link.unlink()
    RunStore.open(store.path)
    os.mkfifo(link)
    with pytest.raises(RewardSynthError, match="no plain file"):
        RunStore.open(store.path)


def test_a_folder_that_vanishes_while_it_is_looked_at_is_no_fault(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a training's scratch folder does.
    scratch = store.path / "candidates" / "001-a" / "scratch"
    scratch.mkdir(parents=True)
    real = os.scandir

    def scandir(folder: Path) -> object:
        if Path(folder) == scratch:
            scratch.rmdir()
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    RunStore.open(store.path)
    assert not scratch.exists()
