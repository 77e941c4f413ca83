"""The files of a run that only grow: events, costs and the log."""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from reward_synth.core.files import append_line, in_words, read_lines, read_lines_since
from reward_synth.core.number_format import duration, plural, total
from reward_synth.core.types import Value
from reward_synth.events.model import Event, TrainingProgressed
from reward_synth.store.folder import RunFolder
from reward_synth.store.manifest import now
from reward_synth.store.schema import migrate_event


class CostLine(Value):
    """One model call; a line of ``costs.jsonl``."""

    time: datetime
    role: str
    model: str
    candidate: str | None = None
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: float | None
    """None if the price is unknown; never 0 for that."""
    seconds: Annotated[float, AfterValidator(lambda seconds: round(seconds, 3))]
    cached: bool = False
    call: str = ""
    """Names the paid call, so that it is booked once; empty in runs of earlier versions, and for cached answers."""
    given_up: bool = False
    """True for a request that was sent and given up after ``seconds``, 0 if its process was killed: it may be billed,
    nobody knows for how much. Other lines lack this field, so that earlier versions can read them."""


def given_up_in_words(lines: Sequence[CostLine]) -> str:
    """What is told of requests that were given up; empty if there are none."""
    if not lines:
        return ""
    longest = max(line.seconds for line in lines)
    after = f" after {duration(longest)}" if longest else ""
    were, them = ("was", "it") if len(lines) == 1 else ("were", "them")
    return f"{plural(len(lines), 'request')} {were} given up{after}: the provider may bill {them}"


_OF_REPLY = set(CostLine.model_fields) - {"time", "role", "candidate", "given_up"}
PROGRESS_SECONDS = 1.0
"""Seconds between two lines of the journal on the same training."""


class JournalListener:
    """Writes the events of a run into its journal, with at most one line of progress per second and training.

    :param clock: seconds, monotonic.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._written: dict[tuple[str, int], float] = {}

    def __call__(self, event: Event) -> None:
        """Write the event, unless it is progress that comes too soon."""
        if isinstance(event, TrainingProgressed):
            key, seconds = (event.candidate, event.seed), self._clock()
            if seconds - self._written.get(key, -math.inf) < PROGRESS_SECONDS:
                return
            self._written[key] = seconds
        self._journal.record(event)


class _LogFile(logging.FileHandler):
    """Goes without the lines for which there is no room: what else cannot be written there ends the run, in words."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell a fault of ours, and nothing of the disk."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Close the file, with or without its last lines."""
        with suppress(OSError):
            super().close()


class Journal(RunFolder):
    """Appends to ``events.jsonl``, ``costs.jsonl`` and ``log.txt`` of one run folder."""

    def record(self, event: Event) -> None:
        """Append an event with its time."""
        line = {"time": now().isoformat()} | event.model_dump(mode="json")
        append_line(self.events_path, json.dumps(line, ensure_ascii=False))

    def events(self) -> list[dict[str, Any]]:
        """All events so far, oldest first: what :func:`~reward_synth.events.model.parse_event` reads, and ``time``."""
        return self.events_since(0)[0]

    def events_since(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """The events after ``offset``, and the offset for the next call; 0 gives all events."""
        records, end = read_lines_since(self.events_path, offset)
        return [migrate_event(record) for record in records], end

    def cost(self, request: Value, reply: Value, *, given_up: bool = False) -> None:
        """Record one model call; usable as the sink of :class:`~reward_synth.llm.base.Ledgered`.

        :param given_up: it was not answered in time.
        """
        asked = request.model_dump(include={"role", "candidate"})
        line = CostLine(time=now(), **asked, **reply.model_dump(include=_OF_REPLY), given_up=given_up)
        append_line(self.costs_path, line.model_dump_json(exclude=None if given_up else {"given_up"}), durable=True)

    def costs(self) -> list[CostLine]:
        """Every answered model call recorded so far. A damaged line is left out."""
        return [line for line in self._costs_and_whether_all()[0] if not line.given_up]

    def given_up(self) -> list[CostLine]:
        """Every request that was sent and given up."""
        return [line for line in self._costs_and_whether_all()[0] if line.given_up]

    def _costs_and_whether_all(self) -> tuple[list[CostLine], bool]:
        """The readable lines; and False if there were others, or none, although the file is there."""
        if not self.costs_path.exists():
            return [], True
        found = []
        for record in read_lines(self.costs_path):
            with suppress(ValidationError):
                found.append(CostLine.model_validate(record))
        return found, 0 < len(found) == len(self.costs_path.read_bytes().split(b"\n")) - 1

    def prices_by_candidate(self) -> dict[str, float | None]:
        """Dollars spent on the model calls about each candidate; None if a price is unknown."""
        prices: dict[str, float | None] = {}
        for line in self.costs():
            if line.candidate is not None:
                prices[line.candidate] = total([prices.get(line.candidate, 0.0), line.usd])
        return prices

    def spent_usd(self) -> float | None:
        """Dollars spent on answers so far; None if the price of any is unknown, or if lines are lost.

        What was given up is left out: nobody can know whether it is billed.
        """
        lines, all_of_them = self._costs_and_whether_all()
        return total(line.usd for line in lines if not line.given_up) if all_of_them else None

    @contextmanager
    def logging(self) -> Iterator[logging.Logger]:
        """A context in which the package's log also goes to ``log.txt``. Yields the package's logger."""
        logger = logging.getLogger("reward_synth")
        with in_words(self.log_path):
            handler = _LogFile(self.log_path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(min(level or logging.INFO, logging.INFO))
        try:
            yield logger
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            handler.close()
