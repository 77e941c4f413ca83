"""The protocol of a language model, and the wrappers around one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator

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


def as_one_text(request: Request, last: str = "") -> str:
    """The whole conversation as one text, for who takes no list of messages: what the system says comes first.

    :param last: a line to add.
    """
    parts = []
    for message in sorted(request.messages, key=lambda message: message.role != "system"):
        said = "(your earlier answer was)\n\n" if message.role == "assistant" else ""
        parts.append(said + message.text.strip())
    return "\n\n".join([*parts, last] if last else parts) + "\n"


MOST_TOKENS = 1e9
"""No call has so many."""


def _counted(value: object) -> int | None:
    # A server may say anything here, and its answer is worth more than the count.
    if isinstance(value, int | float) and 0 <= value < MOST_TOKENS and value == int(value):
        return int(value)
    return None


def writable(text: str) -> str:
    """The text with half characters replaced: a server may cut one in two, and no file could hold the half."""
    return text.encode(errors="replace").decode()


Count = Annotated[int | None, BeforeValidator(_counted)]
"""Tokens, as a server counts them; None for what cannot be a count."""
Ending = Literal["whole", "cut off", "refused", "filtered", "only reasoning"]


class Reply(Value):
    """An answer, and what it cost."""

    text: Annotated[str, AfterValidator(writable)]
    ending: Ending = "whole"
    """How the answer ended, as far as the server says so. ``refused`` holds what the model said instead."""
    model: str
    prompt_tokens: Count = None
    completion_tokens: Count = None
    usd: float | None = None
    """Dollars, or None if the price is unknown. Never 0 for unknown; 0.0 for models that run here."""
    seconds: float = 0.0
    cached: bool = False
    call: str = ""
    """Names the paid call, so that it is booked once, whatever interrupts the booking; empty without a cache."""


Heard = Callable[[Request, Reply], None]
"""Called with each answer as soon as it is there, in the thread that received it."""


def unheard(request: Request, reply: Reply) -> None:
    """Hear an answer and do nothing."""


@dataclass(frozen=True)
class Waiting:
    """How long a model is waited for, and what happens meanwhile."""

    timeout: float = 300.0
    """Seconds that one call may take. Models of this machine and a person are given the time that they need."""
    patience: float = 600.0
    """Seconds for which a call is repeated while the server is busy, broken or away."""
    check: Callable[[], None] = lambda: None
    """Called before each call and several times a second while waiting, in any thread. What it raises ends both."""
    tell: Callable[[str], None] = lambda text: None
    """Called with what a person who waits should know, in any thread."""
    given_up: Heard = unheard
    """Called, in any thread, for a request that was sent and not waited for any longer, with an empty answer and the
    seconds that it was waited for: whoever received it may bill it."""
    sending: Callable[[Request, str], AbstractContextManager[None]] = lambda request, model: nullcontext()
    """Entered, in any thread, around each sending of a request to a server's model of that name, until there is an
    answer or an error."""


class Model(Protocol):
    """A language model behind one call. A class defines ``complete`` or ``complete_many``; each one uses the other.

    ``complete`` retries transient failures itself. It raises a :class:`~reward_synth.core.errors.RewardSynthError`
    only for what ends the run (bad key, no such model, no patience left).
    ``complete_many`` may run calls in parallel and keeps their order. If one call fails for good, or if a limit of the
    run applies, the answers that came before were heard all the same.
    """

    name: str
    small: bool
    """True if prompts should be short: short stub, one worked example, few rules."""

    def complete(self, request: Request) -> Reply:
        """Answer one request."""
        return self.complete_many([request])[0]

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer several requests, in order. ``heard`` is called with each answer as soon as it is there."""
        replies = []
        for request in requests:
            replies.append(self.complete(request))
            heard(request, replies[-1])
        return replies

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
    """A model that reports each answered call to a sink, as soon as it is answered and one at a time."""

    def __init__(self, model: Model, sink: Heard) -> None:
        super().__init__(model)
        self._sink = sink
        self._lock = threading.Lock()

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer several requests, and report each to the sink."""

        def arrived(request: Request, reply: Reply) -> None:
            with self._lock:
                self._sink(request, reply)
            heard(request, reply)

        return self._model.complete_many(requests, arrived)
