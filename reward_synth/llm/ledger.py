"""What the model calls of a run came to."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pydantic import Field

from reward_synth.core.types import Value
from reward_synth.llm.base import CallsFailed, Model, Reply, Request


class Account(Value):
    """Calls added up. Unknown stays unknown: one call without a figure makes the sum None, never less than it was."""

    calls: int = 0
    cached: int = 0
    """Calls answered from the cache, counted in ``calls`` too; their tokens are not counted, nobody was asked."""
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    usd: float | None = 0.0
    """Dollars, or None if the price of any call is unknown."""
    known_usd: float = 0.0
    """Dollars of the calls whose price is known: at least this much was spent."""
    seconds: float = 0.0
    """Time the calls took, added up; calls side by side make it more than the wall time."""

    def plus(self, reply: Reply) -> Account:
        """This account and one more call."""
        usd = 0.0 if reply.cached else reply.usd
        return Account(
            calls=self.calls + 1,
            cached=self.cached + reply.cached,
            prompt_tokens=_add(self.prompt_tokens, 0 if reply.cached else reply.prompt_tokens),
            completion_tokens=_add(self.completion_tokens, 0 if reply.cached else reply.completion_tokens),
            usd=None if self.usd is None or usd is None else self.usd + usd,
            known_usd=self.known_usd + (usd or 0.0),
            seconds=self.seconds + reply.seconds,
        )


class Totals(Value):
    """The whole run's account, and who spent it."""

    total: Account = Account()
    by_role: dict[str, Account] = Field(default_factory=dict)
    by_candidate: dict[str, Account] = Field(default_factory=dict)


class Ledger:
    """Adds up replies. ``add`` has the signature of :class:`Ledgered`'s sink and may be called from any thread.

    A resumed run replays its ``costs.jsonl`` through ``add``, so that a budget counts what was spent before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = Account()
        self._roles: dict[str, Account] = {}
        self._candidates: dict[str, Account] = {}

    def add(self, request: Request, reply: Reply) -> None:
        """Count one call."""
        with self._lock:
            self._total = self._total.plus(reply)
            self._roles[request.role] = self._roles.get(request.role, Account()).plus(reply)
            if request.candidate is not None:
                known = self._candidates.get(request.candidate, Account())
                self._candidates[request.candidate] = known.plus(reply)

    def totals(self) -> Totals:
        """What has been counted so far."""
        with self._lock:
            return Totals(total=self._total, by_role=dict(self._roles), by_candidate=dict(self._candidates))

    @property
    def usd(self) -> float | None:
        """Dollars of all calls; None if any price is unknown."""
        return self.totals().total.usd


class Ledgered:
    """A model that tells a sink about every call it answers.

    The sink is called from the thread that called the model, once per reply, in order.
    """

    def __init__(self, model: Model, sink: Callable[[Request, Reply], None]) -> None:
        self.name = model.name
        self.small = model.small
        self._model = model
        self._sink = sink

    def complete(self, request: Request) -> Reply:
        """Ask, tell the sink, answer."""
        reply = self._model.complete(request)
        self._sink(request, reply)
        return reply

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Ask all, tell the sink about each, answer."""
        try:
            replies = self._model.complete_many(requests)
        except CallsFailed as failure:
            for index, reply in failure.finished.items():
                self._sink(requests[index], reply)
            raise
        for request, reply in zip(requests, replies, strict=True):
            self._sink(request, reply)
        return replies

    def close(self) -> None:
        """Close the model behind."""
        self._model.close()


def _add(total: int | None, count: int | None) -> int | None:
    return None if total is None or count is None else total + count
