"""Events as they come: the lines of a run's journal, in words, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any

from starlette.concurrency import run_in_threadpool

from reward_synth.display.plain import PlainDisplay
from reward_synth.events.model import TrainingProgressed, read_event
from reward_synth.store import RunStore

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Told:
    """One event for the page."""

    kind: str
    time: str
    lines: tuple[str, ...]
    """What a terminal would show of it; empty for most reports of progress."""
    passing: bool = False
    """True if its words say how far something is, which the next event makes stale."""
    progress: dict[str, Any] | None = None
    """Of a training: candidate, seed, steps done and in all, and the newest evaluation."""


class Teller:
    """Puts the records of a journal into the words of the terminal's display, with the journal's own times.

    :param started: when work on the run began, in seconds since 1970, had it had no pause.
    """

    def __init__(self, started: float) -> None:
        self._now, self._text = started, StringIO()
        self._display = PlainDisplay(self._text, every=0.0, clock=lambda: self._now)

    def tell(self, record: dict[str, Any]) -> Told:
        """One record in words. An event that this version does not know keeps its kind and has no words."""
        kind, time = str(record.get("kind", "")), str(record.get("time", ""))
        progress = None
        if (found := read_event(record)) is not None:
            self._now, event = found
            self._display(event)
            if isinstance(event, TrainingProgressed):
                point = event.evaluation
                progress = {"candidate": event.candidate, "seed": event.seed, "step": event.step,
                            "total": event.total_steps, "point": point and point.model_dump()}  # fmt: skip
        lines = tuple(self._text.getvalue().splitlines())
        self._text.seek(0)
        self._text.truncate()
        passing = kind in ("training", "answer-progress")
        return Told(kind, time, lines, passing, progress)

    def tell_all(self, records: Iterable[dict[str, Any]]) -> list[Told]:
        """Several records in words."""
        return [self.tell(record) for record in records]


async def event_stream(store: RunStore, offset: int) -> AsyncIterator[str]:
    """Server-sent events from an offset of the journal on, for as long as the browser listens.

    All that are new come as one list. Its id is the journal's offset after it, so a browser that reconnects continues
    where it was. A journal that became shorter than the offset is read from its beginning.
    """
    info, seen = store.info, -1
    # A resumed run's clock goes on where it stood.
    worked_from = info.created if info.working_since is None else info.working_since - timedelta(seconds=info.seconds)
    teller = Teller(worked_from.timestamp())
    while True:
        size = store.events_path.stat().st_size if store.events_path.exists() else 0
        if size != seen:
            seen = size
            records, offset = await run_in_threadpool(store.events_since, offset if offset <= size else 0)
            if records:
                told = [vars(each) for each in teller.tell_all(records)]
                yield f"id: {offset}\ndata: {json.dumps(told)}\n\n"
        await asyncio.sleep(POLL_SECONDS)
