"""Messages between two processes: one JSON object per line, through two pipes."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from typing import Generic, TypeVar

from reward_synth.core.types import Value

Message = TypeVar("Message", bound=Value)


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

    def tell(self, message: Value) -> None:
        """Send a message.

        :raises BrokenPipeError: nobody reads it.
        """
        content = message.model_dump_json().encode() + b"\n"
        while content:
            content = content[os.write(self._outgoing, content) :]

    def heard(self, seconds: float | None = None) -> Iterator[Message]:
        """Messages that have arrived, or arrive within this time; None waits until one arrives.

        :raises EOFError: the other end is closed.
        """
        if not select.select([self._incoming], [], [], seconds)[0]:
            return
        content = os.read(self._incoming, 1 << 20)
        if not content:
            raise EOFError
        *lines, self._rest = (self._rest + content).split(b"\n")
        yield from map(self._type.model_validate_json, lines)
