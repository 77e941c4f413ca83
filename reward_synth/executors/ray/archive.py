"""Files on their way between the loop's machine and a node: plain ones with plain names, of bounded size.

The training folder is written by a process that deals with hostile code. What lies there afterwards may be a link to
somebody's key, a name that leads out of the folder, or no end of bytes; none of that may reach the run folder. Names
are checked where a folder is read and again where it is written, since a node is another machine.
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
"""What is looked at while a training runs."""
STAYS = frozenset({"job.json", "stderr.txt"})
"""What a job does not take along: it is written anew where the job runs."""
OUTCOMES = ("training.json", "episodes.json", "rung.json", "result.json")
"""Written last, in this order: each says that what came before it is whole."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}(\.[A-Za-z0-9]{1,9}){1,2}")


class UnfitFile(RewardSynthError):
    """A file that does not travel: its name, kind or size is none that a training leaves."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the training left {name[:80]!r}, {why}", "look at the reward: it may try to break out")


def pack(folder: Path, without: frozenset[str] = frozenset()) -> Files:
    """The files of a folder; folders in it and drafts, which a killed process leaves, are passed over.

    :param without: names that are not wanted.
    :raises UnfitFile: a link, a device, a name that is no plain one, too large or too many.
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
    """The file's bytes, and never those of what a link leads to.

    :raises UnfitFile: it is no plain file, or holds more than ``most`` bytes.
    :raises FileNotFoundError: there is none.
    """
    try:
        # A pipe would make the open wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnfitFile(path.name, f"which cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnfitFile(path.name, "which is no plain file")
        # One byte more than allowed tells, whatever the size was when it was asked for.
        content = file.read(most + 1)
    if len(content) > most:
        raise UnfitFile(path.name, f"which is larger than {most >> 20} MiB")
    return content


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files, each whole or not at all, and those that tell of success last.

    :raises UnfitFile: a name is no plain one; then nothing is written.
    """
    total = 0
    for count, (name, content) in enumerate(files.items(), start=1):
        check_name(name)
        total += len(content)
        _check_amount(name, count, total)
    for name in sorted(files, key=lambda name: (name in OUTCOMES and OUTCOMES.index(name) + 1, name)):
        write_bytes(folder / name, files[name])


def show_curves(files: Mapping[str, bytes], folder: Path) -> None:
    """Bring the curves of a running training up to date; whatever else is named is left out."""
    for name in CURVES:
        if name in files:
            # After a power cut they are written again.
            with written_whole(folder / name, durable=False) as file:
                file.write(files[name])


def check_name(name: str) -> None:
    """Accept names such as ``eval.csv`` or ``seed-0-episode-003.npz`` only: no path, nothing hidden.

    :raises UnfitFile: it is another one.
    """
    if _NAME.fullmatch(name) is None:
        raise UnfitFile(name, "which is no name of a plain file")


def check_episodes(files: Mapping[str, bytes], seed_index: int) -> None:
    """Accept a seed's own episodes only, since the candidate's other seeds lie in the same folder.

    :raises UnfitFile: naming the first other file.
    """
    own = re.compile(rf"seed-{seed_index}-episode-[0-9]{{3,6}}\.npz")
    for name in files:
        if own.fullmatch(name) is None:
            raise UnfitFile(name, "which is no episode of this training")


def _check_amount(name: str, count: int, total: int) -> None:
    if count > MOST_FILES or total > LARGEST_PARCEL:
        raise UnfitFile(name, f"one of more than {MOST_FILES} files or {LARGEST_PARCEL >> 20} MiB")
