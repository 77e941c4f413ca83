"""Writing files so that a reader, or a run resumed after a crash, never meets half of one."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from reward_synth.core.errors import RewardSynthError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what the person can mend (a full disk, a forbidden folder) into an error that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            text = f"no space left on the disk while writing {path}"
            hint = "free some space, or choose a folder on another disk"
        elif error.errno in _DENIED or isinstance(error, FileExistsError):
            text, hint = f"cannot write {path}: {error.strerror}", "choose a folder that you may write to"
        else:
            raise
        raise RewardSynthError(text, f"{hint}: --runs-dir DIR") from error


LARGEST_MANIFEST = 1 << 20
"""Bytes."""


def refuse_strange(path: Path) -> None:
    """Make sure that a file which is read without being asked for, as ``ls`` does, is a plain one, and small.

    :raises RewardSynthError: it is a link, a device or a pipe, or too large.
    :raises FileNotFoundError: there is none.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_MANIFEST:
        raise RewardSynthError(f"{path} is no plain small file", "look what it is, and remove it")


def refuse_links(folder: Path) -> None:
    """Make sure that everything below a folder is a plain file or a folder.

    A run that somebody sent could hold a link to a file of yours, which would then be shown to a model, or a device
    that never ends.

    :raises RewardSynthError: naming the first that is neither.
    """
    pending = [folder]
    while pending:
        # A training that runs removes its scratch folder when it ends.
        with contextlib.suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    hint = "a run holds plain files only: look what it is, and remove it"
                    raise RewardSynthError(f"{entry.path} is no plain file", hint)


@contextmanager
def written_whole(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write to, which takes the path's place once it is complete; the file there stays if that fails.

    :param durable: whether it must outlive a power cut. If not, it may be empty then.
    """
    draft = _draft_of(path)
    with in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                yield file
            if durable:
                put_in_place(draft, path)
            else:
                draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Give a complete file or folder its name, so that it outlives a power cut.

    Without the first sync the new name may have no bytes behind it after a power cut, without the second it may be
    missing, although what was written later is there.
    """
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write the file whole or not at all; once this returns, it outlives a power cut."""
    with written_whole(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """As :func:`write_bytes`, for text."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """Indented, sorted keys: two runs' files can be compared line by line. NaN is refused with ValueError."""
    write_text(path, json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_new(path: Path, text: str) -> bool:
    """As :func:`write_text`, for a file that must not exist yet; False, and nothing written, if it does."""
    draft = _draft_of(path)
    with in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_text(text, encoding="utf-8")
            _sync(draft)
            os.link(draft, path)
            _sync(path.parent)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
    return True


def append_line(path: Path, line: str, durable: bool = False) -> None:
    """Append one line. A torn last line, left by a crash, is closed first, so that only it is lost.

    :param durable: whether it must outlive a power cut. A sync takes milliseconds, and lines that tell of progress
        come several times a second and are not needed to resume: they do without.
    """
    with in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    line = "\n" + line
            file.write(line.encode() + b"\n")
            if durable:
                file.flush()
                os.fsync(file.fileno())


def _draft_of(path: Path) -> Path:
    """Where this thread writes what is to become the path's file; hidden, since a killed process leaves it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.draft")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot do it for a folder, and keep its names by themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a lines file; torn lines are left out, a missing file has none."""
    return _objects(path.read_bytes()) if path.exists() else []


def read_lines_since(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The JSON objects that a lines file has gained since ``offset``, in bytes; and the offset to go on from.

    A last line without its end is still being written: it is read once it is whole.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], 0
    whole = content[: content.rfind(b"\n") + 1]
    return _objects(whole), offset + len(whole)


def _objects(content: bytes) -> list[dict[str, Any]]:
    records = []
    for line in content.decode(errors="replace").split("\n"):
        with contextlib.suppress(ValueError):
            records.append(json.loads(line))
    return [record for record in records if isinstance(record, dict)]


def read_json(path: Path) -> Any:
    """The file's content.

    :raises RewardSynthError: it is no JSON, so somebody changed it: ours appear whole or not at all.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RewardSynthError(f"{path} is not valid JSON: {error}", "restore the file, or remove it") from error
