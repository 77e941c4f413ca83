"""A model that answers from a script, for tests and for trying the loop without a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import Model, Reply, Request


class ScriptedModel(Model):
    """A model that answers with the given texts in turn, or with what a function returns for the request.

    ``requests`` holds every request in order. If no answer is left, it raises a
    :class:`~reward_synth.core.errors.RewardSynthError`, so that a test with more requests than intended fails.

    :param answers: the answers in order, or a function from request to answer.
    :param name: the name that replies carry.
    :param small: see :class:`~reward_synth.llm.base.Model`.
    :param usd: price of each reply; None stands for a model whose price is unknown.
    """

    def __init__(
        self,
        answers: Sequence[str] | Callable[[Request], str],
        *,
        name: str = "scripted",
        small: bool = False,
        usd: float | None = 0.0,
    ) -> None:
        self.name = name
        self.small = small
        self.requests: list[Request] = []
        self._usd = usd
        self._lock = threading.Lock()
        self._answer = answers if callable(answers) else self._next
        self._queue = [] if callable(answers) else list(answers)

    def complete(self, request: Request) -> Reply:
        """Answer from the script. Tokens are counted as words, so that a ledger has something to add up."""
        with self._lock:
            self.requests.append(request)
            text = self._answer(request)
        prompt, answer = sum(len(message.text.split()) for message in request.messages), len(text.split())
        return Reply(text=text, model=self.name, prompt_tokens=prompt, completion_tokens=answer, usd=self._usd)

    def _next(self, request: Request) -> str:
        if not self._queue:
            raise RewardSynthError(
                f"the script of model {self.name} has run out at call {len(self.requests)} (role {request.role})",
                "give it more answers, or a function that answers any request",
            )
        return self._queue.pop(0)
