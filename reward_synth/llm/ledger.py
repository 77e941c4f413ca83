"""A model whose calls somebody keeps account of."""

from __future__ import annotations

from collections.abc import Callable

from reward_synth.llm.base import CallsFailed, Model, Reply, Request, Wrapper


class Ledgered(Wrapper):
    """A model that reports every call that it answers to a sink.

    The sink is called from the thread that called the model, once per reply, in order.
    """

    def __init__(self, model: Model, sink: Callable[[Request, Reply], None]) -> None:
        super().__init__(model)
        self._sink = sink

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Answer several requests, and report each to the sink."""
        try:
            replies = self._model.complete_many(requests)
        except CallsFailed as failure:
            for index, reply in failure.finished.items():
                self._sink(requests[index], reply)
            raise
        for request, reply in zip(requests, replies, strict=True):
            self._sink(request, reply)
        return replies
