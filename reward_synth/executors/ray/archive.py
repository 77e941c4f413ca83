"""Files on their way between the loop's machine and a node: plain files with plain names, of bounded size.

The process that writes the training folder handles hostile code. Afterwards the folder may hold a link to somebody's
key, a name that leads out of the folder, or an endless file. None of that may reach the run folder. Names are checked
when a folder is read and again when it is written, since a node is another machine.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_bytes, written_whole

Files = dict[str, bytes]
"""Content by plain file name."""

LARGEST_FILE = 256 << 20
LARGEST_PARCEL = 512 << 20
MOST_FILES = 2000

CURVES = ("progress.csv", "terms.csv", "eval.csv")
"""The files that are sent while a training runs."""
STAYS = frozenset({"job.json", "stderr.txt"})
"""Files that a job leaves behind, because they are written again where the job runs."""
OUTCOMES = ("training.json", "episodes.json", "rung.json", "interrupted.json", "result.json")
"""Written last, in this order: each of them shows that everything before it is complete."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}(\.[A-Za-z0-9]{1,9}){1,2}")


class UnfitFile(RewardSynthError):
    """A file that must not be sent: no training leaves a file of this name, kind or size."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the training left {name[:80]!r}, {why}", "look at the reward: it may try to break out")


def pack(folder: Path, without: frozenset[str] = frozenset()) -> Files:
    """The files of a folder, except for folders in it and for hidden files, which a killed process may leave.

    :param without: names that are left out.
    :raises UnfitFile: for a link, a device, a name that is not plain, a file that is too large, or too many files.
    """
    files: Files = {}
    if not folder.is_dir():
        return files
    total = 0
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) or entry.name.startswith(".") or entry.name in without:
            continue
        check_name(entry.name)
        files[entry.name] = read_plain(Path(entry.path))
        total += len(files[entry.name])
        _check_amount(entry.name, len(files), total)
    return files


def read_plain(path: Path, most: int = LARGEST_FILE) -> bytes:
    """The file's bytes. A link is never followed.

    :raises UnfitFile: it is not a plain file, or holds more than ``most`` bytes.
    :raises FileNotFoundError: there is none.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnfitFile(path.name, f"which cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnfitFile(path.name, "which is no plain file")
        # Reading one byte more than allowed shows a file that is too large, or has grown since its size was read.
        content = file.read(most + 1)
    if len(content) > most:
        raise UnfitFile(path.name, f"which is larger than {most >> 20} MiB")
    return content


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files, each whole or not at all, and the outcomes last.

    :raises UnfitFile: a name is not plain; then nothing is written.
    """
    total = 0
    for count, (name, content) in enumerate(files.items(), start=1):
        check_name(name)
        total += len(content)
        _check_amount(name, count, total)
    for name in sorted(files, key=lambda name: (name in OUTCOMES and OUTCOMES.index(name) + 1, name)):
        write_bytes(folder / name, files[name])


def show_curves(files: Mapping[str, bytes], folder: Path) -> None:
    """Update the curves of a running training; other files are ignored."""
    for name in CURVES:
        if name in files:
            # They need not survive a power cut, because they are then written again.
            with written_whole(folder / name, durable=False) as file:
                file.write(files[name])


def check_name(name: str) -> None:
    """Accept only names such as ``eval.csv`` or ``seed-0-episode-003.npz``: no path, nothing hidden.

    :raises UnfitFile: for any other name.
    """
    if _NAME.fullmatch(name) is None:
        raise UnfitFile(name, "which is no name of a plain file")


def check_episodes(files: Mapping[str, bytes], seed_index: int) -> None:
    """Accept only a seed's own episodes, since the candidate's other seeds lie in the same folder.

    :raises UnfitFile: for the first other file.
    """
    own = re.compile(rf"seed-{seed_index}-episode-[0-9]{{3,6}}\.npz")
    for name in files:
        if own.fullmatch(name) is None:
            raise UnfitFile(name, "which is no episode of this training")


def _check_amount(name: str, count: int, total: int) -> None:
    if count > MOST_FILES or total > LARGEST_PARCEL:
        raise UnfitFile(name, f"one of more than {MOST_FILES} files or {LARGEST_PARCEL >> 20} MiB")
