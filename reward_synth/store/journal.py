"""The files of a run that only grow: events, costs and the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from reward_synth.core.files import append_line, in_words, read_lines
from reward_synth.core.types import Value
from reward_synth.store.manifest import now


class _Request(Protocol):
    """Of a model request, what the ledger needs."""

    @property
    def role(self) -> str: ...
    @property
    def candidate(self) -> str | None: ...


class _Reply(Protocol):
    """Of a model reply, what the ledger needs."""

    @property
    def model(self) -> str: ...
    @property
    def prompt_tokens(self) -> int | None: ...
    @property
    def completion_tokens(self) -> int | None: ...
    @property
    def usd(self) -> float | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def cached(self) -> bool: ...


class CostLine(Value):
    """One model call; a line of ``costs.jsonl``."""

    time: datetime
    role: str
    model: str
    candidate: str | None = None
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: float | None
    """None where the price is unknown; never 0 for that."""
    seconds: float
    cached: bool = False


class Journal:
    """Appends to ``events.jsonl``, ``costs.jsonl`` and ``log.txt`` of one run folder."""

    path: Path

    @property
    def events_path(self) -> Path:
        """For ``logs -f``; not needed to resume."""
        return self.path / "events.jsonl"

    @property
    def log_path(self) -> Path:
        """The human log, tracebacks included."""
        return self.path / "log.txt"

    def event(self, kind: str, **data: Any) -> None:
        """Append an event; the data must be fit for JSON."""
        record = {"time": now().isoformat(), "kind": kind} | data
        append_line(self.events_path, json.dumps(record, ensure_ascii=False))

    def events(self) -> list[dict[str, Any]]:
        """All events so far, oldest first."""
        return read_lines(self.events_path)

    def cost(self, request: _Request, reply: _Reply) -> None:
        """Book one model call; fits :class:`~reward_synth.llm.ledger.Ledgered`'s sink."""
        line = CostLine(
            time=now(),
            role=request.role,
            model=reply.model,
            candidate=request.candidate,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            usd=reply.usd,
            seconds=round(reply.seconds, 3),
            cached=reply.cached,
        )
        append_line(self.path / "costs.jsonl", line.model_dump_json())

    def costs(self) -> list[CostLine]:
        """Every model call booked so far."""
        return [CostLine.model_validate(record) for record in read_lines(self.path / "costs.jsonl")]

    def spent_usd(self) -> float | None:
        """Dollars spent on model calls so far; None if the price of any call is unknown."""
        prices = [line.usd for line in self.costs()]
        known = [price for price in prices if price is not None]
        return sum(known) if len(known) == len(prices) else None

    @property
    def recording_path(self) -> Path:
        """Every model call with its answer, for ``--model replay:FILE``."""
        return self.path / "recording.jsonl"

    @property
    def call_cache(self) -> Path:
        """Answers of model calls by request, so that a resumed run does not pay twice."""
        return self.path / "calls"

    @contextmanager
    def logging(self) -> Iterator[logging.Logger]:
        """While entered, what the package logs goes to ``log.txt`` too. Yields the package's logger."""
        logger = logging.getLogger("reward_synth")
        with in_words(self.log_path):
            handler = logging.FileHandler(self.log_path, encoding="utf-8")
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
