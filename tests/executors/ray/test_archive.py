"""Files that travel to a node and back, and those that do not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth.core.types import TrainResult
from reward_synth.executors.ray import archive as parcel
from reward_synth.executors.ray.actor import Errand, Seat
from reward_synth.executors.ray.archive import UnfitFile, check_episodes, pack, read_plain, show_curves, unpack
from reward_synth.tasks.spec import load_task
from reward_synth.training.outcomes import Training
from tests.training.cases import ENDLESS, make_job, wait_until

TASK = load_task("gym/inverted_pendulum_balance")


def link(folder: Path) -> None:
    (folder.parent / "key").write_text("sk-secret")
    (folder / "policy.npz").symlink_to(folder.parent / "key")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "policy.npz")


def large(folder: Path) -> None:
    with (folder / "policy.npz").open("wb") as file:
        file.truncate(parcel.LARGEST_FILE + 1)


def many(folder: Path) -> None:
    for number in range(parcel.MOST_FILES + 1):
        (folder / f"file-{number}.csv").touch()


def named(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).touch()


@pytest.mark.parametrize(
    "leave", [link, pipe, large, many, *map(named, ("-rf.csv", "a b.csv", "a\n.csv", "policy", "x" * 99 + ".csv"))]
)
def test_a_folder_with_a_strange_file_is_not_sent(tmp_path: Path, leave: Callable[[Path], None]) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "progress.csv").write_text("step\n")
    leave(folder)
    with pytest.raises(UnfitFile, match="the training left"):
        pack(folder)


def test_folders_drafts_and_what_is_not_wanted_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "torch.bin").touch()
    for name in (".policy.npz.7.draft", "job.json", "policy.npz"):
        (tmp_path / name).write_text(name)
    assert pack(tmp_path, without=frozenset({"job.json"})) == {"policy.npz": b"policy.npz"}
    assert pack(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "name", ["../reward.py", "/etc/passwd", "a/b.csv", "..", ".bashrc", "", "a\0.csv", "a..csv", "a.csv\n", "C:a.csv"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "train"
    with pytest.raises(UnfitFile):
        unpack({"policy.npz": b"1", name: b"2"}, folder)
    assert list(tmp_path.iterdir()) == [], "nothing is written if anything is refused"


def test_a_sum_of_sizes_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel, "LARGEST_PARCEL", 100)
    unpack({"a.csv": bytes(50), "b.csv": bytes(50)}, tmp_path)
    with pytest.raises(UnfitFile):
        unpack({"a.csv": bytes(50), "b.csv": bytes(51)}, tmp_path)
    with pytest.raises(UnfitFile):
        read_plain(tmp_path / "a.csv", most=49)


def test_a_link_in_the_run_folder_is_replaced_and_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    for name in ("eval.csv", "policy.npz"):
        (tmp_path / name).symlink_to(kept)
    unpack({"policy.npz": b"new"}, tmp_path)
    show_curves({"eval.csv": b"new", "policy.npz": b"no curve"}, tmp_path)
    assert kept.read_text() == "mine"
    assert (tmp_path / "policy.npz").read_bytes() == (tmp_path / "eval.csv").read_bytes() == b"new"


def test_what_tells_of_success_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(parcel, "write_bytes", lambda path, content: written.append(path.name))
    names = ("result.json", "policy.npz", "training.json", "rung.json", "checkpoint.pt", "episodes.json")
    unpack(dict.fromkeys(names, b""), tmp_path)
    assert written == ["checkpoint.pt", "policy.npz", "training.json", "episodes.json", "rung.json", "result.json"]


@pytest.mark.parametrize("name", ["seed-1-episode-000.npz", "seed-0-episode-0.npz", "seed-0-episode-000.npz.npz"])
def test_a_seed_brings_its_own_episodes_only(name: str) -> None:
    check_episodes({"seed-0-episode-000.npz": b"", "seed-0-episode-011.npz": b""}, seed_index=0)
    with pytest.raises(UnfitFile, match="no episode of this training"):
        check_episodes({name: b""}, seed_index=0)


def test_a_training_that_leaves_a_link_is_crashed_and_only_that_is_told(tmp_path: Path) -> None:
    """As code would that broke out of the reward process and into the trainer."""
    job = make_job(tmp_path, TASK)
    seat = Seat()
    try:
        seat.begin(Errand.of(job))
        folder = seat._folder / "train"
        assert wait_until(lambda: (folder / "progress.csv").exists())
        (folder / "notes.csv").symlink_to("/etc/hostname")
        while not (look := seat.look(1.0)).done:
            assert "notes.csv" not in look.files
    finally:
        seat.leave()
    assert set(look.files) == {"result.json"}
    assert look.trajectories == {}
    result = TrainResult.model_validate_json(look.files["result.json"])
    assert result.status == "crashed"
    assert result.reason == "the training left 'notes.csv', which cannot be read: Too many levels of symbolic links"
    assert not seat._folder.exists()


def test_a_seat_takes_the_job_to_a_folder_of_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    job = make_job(tmp_path, TASK, steps=ENDLESS)
    job.write()
    Training(status="crashed", job="another").write(job.folder)
    errand = Errand.of(job)
    assert set(errand.files) == {"training.json"}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    seat = Seat()
    try:
        assert seat.begin(errand)["reward_synth"]
        assert wait_until(lambda: "progress.csv" in seat.look(0.5).files)
    finally:
        seat.leave()
    assert not seat._folder.exists()
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
