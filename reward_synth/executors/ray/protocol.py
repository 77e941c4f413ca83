"""The messages between the loop and its broker: one JSON object per line, through two pipes."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, Literal, TypeVar

from reward_synth.core.types import Value
from reward_synth.training.job import TrainJob


class Order(Value):
    """From the loop to the broker."""

    kind: Literal["train", "stop"]
    jobs: tuple[TrainJob, ...] = ()
    """The jobs to train, the more urgent first."""


class Event(Value):
    """From the broker to the loop. The details lie in the job's folder."""

    kind: Literal["ready", "failed", "seen", "done", "stopped"]
    """``seen``: the curves have grown. ``stopped``: no training runs. ``failed``: it cannot continue, and ends."""
    folder: Path | None = None
    """The job's, for ``seen`` and ``done``."""
    message: str = ""
    hint: str = ""


Message = TypeVar("Message", Order, Event)


class Line(Generic[Message]):
    """One end of the connection: sends any message, receives messages of one type."""

    def __init__(self, receives: type[Message], incoming: int, outgoing: int) -> None:
        """
        :param incoming: file descriptor to read from.
        :param outgoing: file descriptor to write to.
        """
        self._type: type[Message] = receives
        self._incoming, self._outgoing = incoming, outgoing
        self._rest = b""

    def tell(self, message: Order | Event) -> None:
        """Send a message.

        :raises BrokenPipeError: nobody reads it.
        """
        content = message.model_dump_json().encode() + b"\n"
        while content:
            content = content[os.write(self._outgoing, content) :]

    def heard(self, seconds: float) -> Iterator[Message]:
        """Messages that have arrived, or arrive within this time.

        :raises EOFError: the other end is closed.
        """
        if not select.select([self._incoming], [], [], seconds)[0]:
            return
        content = os.read(self._incoming, 1 << 20)
        if not content:
            raise EOFError
        *lines, self._rest = (self._rest + content).split(b"\n")
        yield from map(self._type.model_validate_json, lines)
