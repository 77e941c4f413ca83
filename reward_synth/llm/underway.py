"""Requests that are under way, a file each: a process that is killed cannot say any more what it has sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.files import write_text
from reward_synth.core.types import Value
from reward_synth.llm.base import Request
from reward_synth.llm.cache import arrived_requests, request_key

_SENT = ".sent"


class Sent(Value):
    """A request that was sent to a model."""

    role: str
    candidate: str | None
    model: str
    time: datetime

    @property
    def age(self) -> float:
        """Seconds since then."""
        return max(0.0, (datetime.now(UTC) - self.time).total_seconds())


class Underway:
    """The requests of a run that were sent, and whose answers are neither booked nor given up.

    :param directory: where the answers are kept; made when first needed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, request: Request, model: str) -> None:
        """Keep that a request is sent now, for the first time or again."""
        sent = Sent(role=request.role, candidate=request.candidate, model=model, time=datetime.now(UTC))
        write_text(self._path(request), sent.model_dump_json(indent=1) + "\n")

    def remove(self, request: Request) -> None:
        """Forget a request, if it is known."""
        self._path(request).unlink(missing_ok=True)

    def take(self) -> Iterator[Sent]:
        """The requests whose answers have not arrived. Each is forgotten when the next is taken."""
        arrived = {self._path(request) for _, request in arrived_requests(self._directory)}
        for path in sorted(self._directory.glob(f"*{_SENT}")):
            sent = None if path in arrived else _read(path)
            if sent is not None:
                yield sent
            path.unlink(missing_ok=True)

    def _path(self, request: Request) -> Path:
        return self._directory / f"{request_key('', request)}{_SENT}"


def _read(path: Path) -> Sent | None:
    try:
        return Sent.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None
