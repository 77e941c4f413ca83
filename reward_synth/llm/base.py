"""The protocol of a language model, and the wrappers around one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal, Protocol

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import AnyRoleName, Value


class TextPart(Value):
    """Text in a message that also holds pictures."""

    type: Literal["text"] = "text"
    text: str


class ImagePart(Value):
    """A picture in a message, for a model that accepts pictures."""

    type: Literal["image"] = "image"
    media_type: Literal["image/png", "image/jpeg"] = "image/png"
    data: str
    """The file's bytes in base64."""


class Message(Value):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str | tuple[TextPart | ImagePart, ...]
    """Text, or parts in the order in which they are read."""

    @property
    def text(self) -> str:
        """The text alone; each picture becomes ``[image 1]``, counted from 1."""
        if isinstance(self.content, str):
            return self.content
        number = itertools.count(1)
        words = (part.text if isinstance(part, TextPart) else f"[image {next(number)}]" for part in self.content)
        return "\n\n".join(words)

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The pictures in the message."""
        return () if isinstance(self.content, str) else tuple(p for p in self.content if isinstance(p, ImagePart))


class Request(Value):
    """One call. Equal requests have equal cache keys, ``sample`` included."""

    messages: tuple[Message, ...]
    role: AnyRoleName
    """The role that asks: for the ledger, for ``--model critic=…`` and for file names."""
    candidate: str | None = None
    """For the ledger only; not part of the cache key."""
    temperature: float = 0.8
    max_tokens: int = 2048
    sample: int = 0
    """Number of this sample among those of the same messages; also the model's seed, if it takes one."""
    grammar: str | None = None
    """GBNF that the answer must match; only ``local`` honours it, others ignore it."""


class Reply(Value):
    """An answer, and what it cost."""

    text: str
    model: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usd: float | None = None
    """Dollars, or None if the price is unknown. Never 0 for unknown; 0.0 for models that run here."""
    seconds: float = 0.0
    cached: bool = False


class CallsFailed(RewardSynthError):
    """Some of several parallel calls failed for good. The answered ones must still be paid for.

    :param error: why the first one failed; its message, hint and exit code are used.
    :param finished: the replies that arrived, by their index in the list given to ``complete_many``.
    """

    def __init__(self, error: RewardSynthError, finished: dict[int, Reply]) -> None:
        super().__init__(error.message, error.hint, error.exit_code)
        self.finished = finished


class Model(Protocol):
    """A language model behind one call. A class defines ``complete`` or ``complete_many``; each one uses the other.

    ``complete`` retries transient failures itself. It raises a :class:`~reward_synth.core.errors.RewardSynthError`
    only for what ends the run (bad key, no such model, no retries left).
    ``complete_many`` may run calls in parallel and keeps their order. If one call fails for good while others are
    answered, it may raise :class:`CallsFailed`, which carries the answers.
    """

    name: str
    small: bool
    """True if prompts should be short: short stub, one worked example, few rules."""

    def complete(self, request: Request) -> Reply:
        """Answer one request."""
        return self.complete_many([request])[0]

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Answer several requests, in order."""
        return [self.complete(request) for request in requests]

    def close(self) -> None:
        """Release what the model holds (server process, files). Safe to call twice."""
        return


class Wrapper(Model):
    """A model that wraps another one."""

    def __init__(self, model: Model) -> None:
        self.name, self.small, self._model = model.name, model.small, model

    def close(self) -> None:
        """Close the wrapped model."""
        self._model.close()


class Ledgered(Wrapper):
    """A model that reports each answered call to a sink.

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
