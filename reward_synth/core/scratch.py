"""Folders for temporary files, which are removed even if the process that made them is killed: by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Self

PREFIX = "reward-synth-scratch-"
UNCLAIMED_SECONDS = 60.0
"""A folder that is younger may belong to a process that has not claimed it yet."""


class Scratch:
    """A new folder that belongs to this process until it ends, for any reason."""

    def __init__(self, place: Path | None = None) -> None:
        """
        :param place: the folder in which it is made; None: the one for temporary files.
        """
        place = place or Path(tempfile.gettempdir())
        _sweep(place)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self._claim = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # Some network file systems have no locks, and there nothing is swept.
            fcntl.flock(self._claim, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it with all that it holds. What another process still writes there is left to the next sweep."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _sweep(place: Path) -> None:
    """Remove the folders whose processes are gone."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < UNCLAIMED_SECONDS:
                continue
            claim = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(claim)
