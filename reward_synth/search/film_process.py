"""The process that draws a film's pictures, as the search sees it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self, TypeVar

import numpy as np
from pydantic import ValidationError

from reward_synth.core.deaths import MEMORY, cause, from_outside
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.scratch import Scratch
from reward_synth.core.waiting import Deadline
from reward_synth.evaluation.drawing import Pixels
from reward_synth.executors.base import worker_environment
from reward_synth.simulators.graphics import graphics
from reward_synth.training.worker.filmer import END, PICTURE, Ending, FilmJob, Opening

Line = TypeVar("Line", Opening, Ending)
LONGEST_LINE = 100_000
"""Bytes."""
PIPE_BYTES = 1 << 20
"""A picture of the usual size passes as a whole; an ordinary pipe takes 64 KiB."""
LOOKS = 0.5
"""Seconds after which it is asked again whether the film is still wanted."""


class FilmGivenUp(RewardSynthError):
    """Nobody wants the film any more."""


class Filmer(Iterator[Pixels]):
    """The process that draws. It gives the pictures one by one, and says after the last of them how they went.

    :param longest: seconds after which it is ended.
    :param given_up: True once the film is not wanted any more; then :class:`FilmGivenUp` is raised.
    """

    def __init__(self, job: FilmJob, longest: float, given_up: Callable[[], bool]) -> None:
        self._job, self.same, self.drawn = job, True, ""
        self._longest, self._given_up = longest, given_up
        self._variables = graphics().variables
        self._folder = Scratch()
        path = self._folder.path / "film.json"
        write_text(path, job.model_dump_json())
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "reward_synth.training.worker.filmer", str(path), str(os.getpid())],
            env={**worker_environment(), **self._variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pipesize=PIPE_BYTES,
        )
        self._deadline = Deadline(longest)

    def __enter__(self) -> Self:
        try:
            opening = self._said(Opening)
            if opening.message:
                raise RewardSynthError(opening.message, opening.hint)
        except BaseException:
            self.__exit__()
            raise
        self.drawn = opening.drawn
        return self

    def __exit__(self, *_: object) -> None:
        # An environment may have started processes of its own, which hold the pipe.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.remove()

    def __next__(self) -> Pixels:
        kind = self._read(1)
        if kind == PICTURE:
            picture = np.empty((self._job.height, self._job.width, 3), np.uint8)
            self._read_into(picture.data.cast("B"))
            return picture
        if kind != END:
            raise self._failed("gives no picture")
        ending = self._said(Ending)
        if ending.message:
            raise RewardSynthError(ending.message, ending.hint)
        self.same = ending.same
        raise StopIteration

    def _said(self, kind: type[Line]) -> Line:
        """The next line."""
        line = b""
        while not line.endswith(b"\n") and len(line) <= LONGEST_LINE:
            line += self._read(1)
        try:
            return kind.model_validate_json(line)
        except ValidationError as error:
            raise self._failed("gives no picture") from error

    def _read(self, count: int) -> bytes:
        """So many bytes."""
        found = bytearray(count)
        self._read_into(memoryview(found))
        return bytes(found)

    def _read_into(self, place: memoryview) -> None:
        """Fill the place with what comes, before the film's time is over."""
        assert self._process.stdout is not None
        descriptor, filled = self._process.stdout.fileno(), 0
        while filled < len(place):
            if self._given_up():
                raise FilmGivenUp("the film was given up")
            left = self._deadline.wait()
            if not left:
                raise self._failed(f"was not done within {self._longest:g} s")
            if not select.select([descriptor], [], [], min(left, LOOKS))[0]:
                continue
            count = os.readv(descriptor, [place[filled:]])
            if not count:
                code = self._process.wait()
                if from_outside(code):
                    raise MachineFault(f"the process that draws was ended from outside, with {cause(code)}", MEMORY)
                if code >= 0:
                    what = f"{self._job.task.environment.id} ended the process that draws it, with {cause(code)}"
                    raise RewardSynthError(what, "see whether its `render` works without display and files")
                raise self._failed(f"died with {cause(code)}")
            filled += count

    def _failed(self, how: str) -> RewardSynthError:
        drivers = (
            "try MUJOCO_GL= for outlines" if self._variables.get("MUJOCO_GL") else "make fewer or smaller pictures"
        )
        return RewardSynthError(f"the process that draws {self._job.task.environment.id} {how}", drivers)
