"""What is written appears whole, once, and outlives a power cut: seen by the order of syncs and renames."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from reward_synth.core import files
from reward_synth.core.errors import FolderMoved, MachineFault, RewardSynthError


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the file system, in order."""
    done: list[str] = []
    sync, replace, link = os.fsync, Path.replace, os.link

    def recorded_sync(descriptor: int) -> None:
        done.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def recorded_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    def recorded_link(source: Path, target: Path) -> None:
        done.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    monkeypatch.setattr(os, "link", recorded_link)
    return done


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_is_too(tmp_path: Path, steps: list[str]) -> None:
    files.write_text(tmp_path / "new" / "a.txt", "ä")
    assert steps == ["sync file", "rename", "sync folder"]
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ä".encode()


def test_what_need_not_outlive_a_power_cut_costs_no_sync(tmp_path: Path, steps: list[str]) -> None:
    with files.written_whole(tmp_path / "a", durable=False) as file:
        file.write(b"a")
    files.append_line(tmp_path / "lines", "1")
    assert steps == ["rename"]
    files.append_line(tmp_path / "lines", "2", durable=True)
    assert steps == ["rename", "sync file"]
    assert (tmp_path / "lines").read_text() == "1\n2\n"


def test_a_folder_is_put_in_place(tmp_path: Path, steps: list[str]) -> None:
    draft = tmp_path / ".draft"
    draft.mkdir()
    files.put_in_place(draft, tmp_path / "folder")
    assert steps == ["sync folder", "rename", "sync folder"]


def test_a_writer_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write_text(path, "old")
    with pytest.raises(ZeroDivisionError), files.written_whole(path) as file:
        file.write(b"half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_exists_is_not_written_anew(tmp_path: Path, steps: list[str]) -> None:
    assert files.write_new(tmp_path / "a", "first")
    assert steps == ["sync file", "link", "sync folder"]
    assert not files.write_new(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_new_file_where_no_file_can_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert files.write_new(tmp_path / "a", "first")
    assert not files.write_new(tmp_path / "a", "second")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "first")]


def test_threads_that_write_one_file_do_not_share_a_draft(tmp_path: Path) -> None:
    drafts = set()

    def write() -> None:
        with files.written_whole(tmp_path / "a") as file:
            drafts.add(file.name)
            both.wait(30)

    both = threading.Barrier(2)
    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drafts) == 2


def test_a_torn_line_is_closed_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text('{"a": 1}\n{"b": ')
    files.append_line(path, '{"c": 3}')
    assert files.read_lines(path) == [{"a": 1}, {"c": 3}]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """As on a full disk, no file can be longer than so many bytes."""
    limits, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_line_for_which_there_is_no_room_leaves_nothing_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    files.append_line(path, '{"a": 1}')
    with room_for(20), pytest.raises(MachineFault, match="no space left on the disk while writing"):
        files.append_line(path, '{"b": "longer than there is room for"}')
    assert path.read_bytes() == b'{"a": 1}\n'


def test_a_library_that_makes_an_error_of_its_own_of_a_full_disk_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for room in (100, 20_000):
        told = pytest.raises(MachineFault, match="no space left on the disk while writing")
        with room_for(room), told, files.written_whole(path) as file:
            torch.save({"weights": torch.zeros(20_000)}, file)
    with pytest.raises(RuntimeError, match="its own"), files.written_whole(path) as file:
        raise RuntimeError("its own")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_synced_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    code = errno.EINVAL
    files.write_text(tmp_path / "a", "a")
    code = errno.ENOSPC
    with pytest.raises(RewardSynthError, match="no space left on the disk"):
        files.write_text(tmp_path / "a", "b")
    assert (tmp_path / "a").read_text() == "a"


def test_drafts_of_killed_processes_are_swept_and_others_stay(tmp_path: Path) -> None:
    old = time.time() - 2 * files.SETTLED
    dead, living, fresh, kept = (
        tmp_path / name
        for name in (".a.json.999999999-1.draft", f".a.json.{os.getpid()}-1.draft", ".b.999999999-1.draft", "a.json")
    )
    for path in (dead, living, fresh, kept):
        path.touch()
        if path != fresh:
            os.utime(path, (old, old))
    files.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {living.name, fresh.name, kept.name}


WRITES: list[Callable[[Path], object]] = [
    lambda folder: files.write_text(folder / "a.txt", "x"),
    lambda folder: files.write_new(folder / "deep" / "er" / "b.txt", "x"),
    lambda folder: files.append_line(folder / "c.jsonl", "{}"),
    lambda folder: files.make_folder(folder / "new" / "deep"),
    lambda folder: files.require_place(folder / "d.txt"),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("again", [False, True], ids=["gone", "another one there"])
def test_nothing_is_written_to_a_folder_that_was_moved_and_all_is_once_it_is_back(
    tmp_path: Path, write: Callable[[Path], object], again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("run")  # As the command line names it.
    folder.mkdir()
    with files.held(folder):
        write(folder)
        moved = folder.rename("moved")
        if again:
            folder.mkdir()
        with pytest.raises(FolderMoved, match="run was moved or deleted") as caught:
            write(folder)
        assert caught.value.place in (None, tmp_path / "moved")
        assert str(caught.value.place or "its new place") in caught.value.hint
        with pytest.raises(FolderMoved):
            write(folder.resolve())
        assert list(folder.iterdir()) == [] if again else not folder.exists()
        if again:
            folder.rmdir()
        moved.rename(folder)
        write(folder.absolute())
    folder.rename("moved")
    files.write_text(folder / "a.txt", "x")  # Nobody works on it any more.


def test_a_folder_that_is_moved_in_mid_write_is_not_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(FolderMoved), files.held(folder), files.written_whole(folder / "a" / "b.bin") as file:
        file.write(b"x")
        folder.rename(tmp_path / "moved")
    assert not folder.exists() and [path.name for path in (tmp_path / "moved").rglob("*.bin")] == []


def test_what_fails_since_its_folder_is_gone_says_so_and_what_fails_otherwise_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(KeyError), files.held(folder):
        raise KeyError
    with pytest.raises(FolderMoved), files.held(folder):
        folder.rmdir()
        (folder / "settings.toml").read_text()
    with pytest.raises(FolderMoved), files.held(folder):
        pytest.fail("it is not there")
