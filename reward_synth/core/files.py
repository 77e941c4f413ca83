"""Writes files so that a reader, or a run resumed after a crash, never sees a half-written one."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from reward_synth.core.errors import FolderMoved, MachineFault, RewardSynthError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}
"""What file systems say that give a file no second name: FAT, and some network ones."""
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn an error that the person can fix (a full disk, a forbidden folder) into one that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            text = f"no space left on the disk while writing {path}"
            raise MachineFault(text, "free some space, then resume: nothing that was finished is lost") from error
        if error.errno in _DENIED or isinstance(error, FileExistsError):
            text, hint = f"cannot write {path}: {error.strerror}", "choose a folder that you may write to"
        else:
            raise
        raise RewardSynthError(text, f"{hint}; for a new run: --runs-dir DIR") from error


class _Held:
    """A folder as it was when it was opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        try:
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FolderMoved(self.folder, None) from None
        self._identity = _identity(os.fstat(self._descriptor))

    def require(self) -> None:
        """Raise :class:`FolderMoved` if another folder, or none, bears its name now."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if _identity(self.folder.stat()) == self._identity:
                return
        raise FolderMoved(self.folder, self._place())

    def _place(self) -> Path | None:
        """Where it lies now, on systems that say it."""
        with contextlib.suppress(OSError):
            place = Path(f"/proc/self/fd/{self._descriptor}").readlink()
            return place if place.is_dir() else None
        return None

    def close(self) -> None:
        os.close(self._descriptor)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


_held: dict[Path, _Held] = {}
"""Folders that this process works on."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Write to a folder only as long as it bears its name: a folder that was renamed is not begun anew below.

    Inside, what fails fails with :class:`FolderMoved` if that is why.

    :raises FolderMoved: it is not there, or somebody moved or deleted it meanwhile.
    """
    mine, names = _Held(folder), {folder.absolute(), folder.resolve()}
    before = {name: _held.get(name) for name in names}
    _held.update(dict.fromkeys(names, mine))
    try:
        yield
    except Exception:
        mine.require()
        raise
    finally:
        for name, earlier in before.items():
            _held.pop(name)
            if earlier is not None:
                _held[name] = earlier
        mine.close()


def require_place(path: Path) -> None:
    """Raise :class:`FolderMoved` if the path lies in a folder that is held and bears its name no more."""
    if (found := _holder(path)) is not None:
        found.require()


def _holder(path: Path) -> _Held | None:
    if not _held:
        return None
    whole = path.absolute()
    return next((found for name in (whole, *whole.parents) if (found := _held.get(name))), None)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, but no folder that is held.

    :raises FolderMoved: it would lie in one that bears its name no more.
    """
    found = _holder(folder)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    found.require()
    missing = list(itertools.takewhile(lambda each: not each.is_dir(), (folder, *folder.parents)))
    for each in reversed(missing):
        if _holder(each.parent) is not None:
            each.mkdir(exist_ok=True)


SETTLED = 60.0
"""Seconds after which no process still writes a draft."""
LARGEST_MANIFEST = 1 << 20
"""In bytes."""


def refuse_strange(path: Path) -> None:
    """Refuse a file that is not a small regular file. It guards files that are read unasked, as ``ls`` does.

    :raises RewardSynthError: it is a link, a device or a pipe, or it is too large.
    :raises FileNotFoundError: it does not exist.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_MANIFEST:
        raise RewardSynthError(f"{path} is no plain small file", "look what it is, and remove it")


def refuse_links(folder: Path) -> None:
    """Refuse a folder that holds anything but regular files and folders.

    A run from somebody else could hold a link to one of your files, which would then be shown to a model, or a device
    that can be read without end.

    :raises RewardSynthError: it holds something else; the error names the first one.
    """
    pending = [folder]
    while pending:
        # A folder may vanish meanwhile: a running training removes its scratch folder when it ends.
        with contextlib.suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    hint = "a run holds plain files only: look what it is, and remove it"
                    raise RewardSynthError(f"{entry.path} is no plain file", hint)


class _Telling(io.FileIO):
    """A file that remembers why it could not be written."""

    fault: OSError | None = None

    def write(self, content: Any, /) -> int:
        """See :meth:`io.RawIOBase.write`."""
        try:
            return super().write(content)
        except OSError as error:
            self.fault = error
            raise


@contextmanager
def written_whole(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a draft that replaces ``path`` once it is complete. If writing fails, the old file stays.

    :param durable: whether the file must survive a power cut. If False, it may be empty after one.
    """
    draft = _draft_of(path)
    with in_words(path):
        make_folder(path.parent)
        try:
            told = _Telling(draft, "wb")
            try:
                with io.BufferedWriter(told) as file:
                    yield file
            except Exception:
                # What a library makes of it, such as PyTorch, does not say that the disk is full.
                if told.fault is not None:
                    raise told.fault from None
                raise
            if durable:
                put_in_place(draft, path)
            else:
                draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Move a complete file or folder to its final name so that it survives a power cut.

    Without the first sync, the new name may point to an empty file after a power cut. Without the second, the name
    may be missing although later writes are there.
    """
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write the file completely or not at all. Once this returns, the file survives a power cut."""
    with written_whole(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Like :func:`write_bytes`, for text."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """Write JSON, indented and with sorted keys, so that two runs can be compared by line. NaN raises ValueError."""
    write_text(path, json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_new(path: Path, text: str) -> bool:
    """Like :func:`write_text`, for a file that must not exist yet. If it exists, write nothing and return False."""
    draft = _draft_of(path)
    with in_words(path):
        make_folder(path.parent)
        try:
            draft.write_text(text, encoding="utf-8")
            _sync(draft)
            try:
                os.link(draft, path)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                path.open("xb").close()
                draft.replace(path)
            _sync(path.parent)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
    return True


def append_line(path: Path, line: str, durable: bool = False) -> None:
    """Append one line, or nothing if there is no room for all of it.

    If a crash left an incomplete last line, end that line first, so that only it is lost.

    :param durable: whether the line must survive a power cut. A sync takes milliseconds. Progress lines come several
        times a second and are not needed to resume, so they do without it.
    """
    with in_words(path):
        make_folder(path.parent)
        with path.open("ab+", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    line = "\n" + line
            content = line.encode() + b"\n"
            written = 0
            try:
                while written < len(content):
                    written += file.write(content[written:]) or 0
            except OSError:
                # Another thread may have written its line meanwhile.
                if file.seek(0, os.SEEK_END) == end + written:
                    file.truncate(end)
                raise
            if durable:
                os.fsync(file.fileno())


def _draft_of(path: Path) -> Path:
    """The draft of this thread for ``path``. Its name is hidden because a killed process leaves its draft behind."""
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.draft")


def sweep(folder: Path) -> None:
    """Remove the drafts in a folder whose processes are gone. No process that is killed can do so itself."""
    for draft in folder.rglob(".*.draft"):
        process = re.search(r"\.(\d+)-\d+\.draft$", draft.name)
        # On a shared folder it may be another machine's process, so its number alone does not decide.
        if process and not Path(f"/proc/{process[1]}").exists() and time.time() - draft.lstat().st_mtime > SETTLED:
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder; they keep its names safe themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects in a file of JSON lines. Incomplete lines are skipped; a missing file has none."""
    return _objects(path.read_bytes()) if path.exists() else []


def read_lines_since(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The JSON objects added to a file of JSON lines since byte ``offset``, and the offset to continue from.

    A last line without a line end is still being written, so it is left for a later call.
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
    for line in filter(str.strip, content.decode(errors="replace").split("\n")):
        with contextlib.suppress(ValueError):
            records.append(json.loads(line))
    return [record for record in records if isinstance(record, dict)]


def read_json(path: Path) -> Any:
    """The file's content.

    :raises RewardSynthError: it is not JSON. Our own files appear whole or not at all, so somebody changed it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RewardSynthError(f"{path} is not valid JSON: {error}", "restore the file, or remove it") from error
