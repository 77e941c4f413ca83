"""Asks a model, and asks again with the reason if its answer cannot be parsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from reward_synth.llm.base import Message, Model, Reply, Request
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.prompts import Prompts

Value = TypeVar("Value")

REPEATS = 2
"""How often the model is asked again after an answer that cannot be parsed."""

_SHOWN_OF_BAD_ANSWER = 4000
"""At most this many characters of an unusable answer are shown again, since a long one would fill the context."""


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """A parsed answer and its call."""

    value: Value
    request: Request
    """The last request; earlier failures are turns of its conversation."""
    reply: Reply
    attempts: int
    """Calls made, 1 to 3."""


class Unparseable(Exception):
    """The model's last answer could still not be parsed.

    :param reason: what was missing, in words.
    """

    def __init__(self, reason: str, request: Request, reply: Reply, attempts: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request = request
        self.reply = reply
        self.attempts = attempts


def ask(model: Model, request: Request, parse: Callable[[str], Value], prompts: Prompts | None = None) -> Answer[Value]:
    """Make one request, and return the parsed answer.

    :param parse: takes the answer's text; raises :class:`~reward_synth.roles.parsing.ParseError` with the reason.
    :raises Unparseable: three answers in a row could not be parsed.
    """
    answer = ask_many(model, [request], parse, prompts)[0]
    if isinstance(answer, Unparseable):
        raise answer
    return answer


def ask_many(
    model: Model, requests: list[Request], parse: Callable[[str], Value], prompts: Prompts | None = None
) -> list[Answer[Value] | Unparseable]:
    """Make several requests in parallel, and return the parsed answers in order. A failure takes its answer's place."""
    prompts = prompts or Prompts()
    answers: dict[int, Answer[Value] | Unparseable] = {}
    pending = dict(enumerate(requests))
    for attempt in range(1, REPEATS + 2):
        replies = model.complete_many(list(pending.values())) if pending else []
        for (index, request), reply in zip(list(pending.items()), replies, strict=True):
            try:
                answers[index] = Answer(parse(reply.text), request, reply, attempt)
                del pending[index]
            except ParseError as error:
                answers[index] = Unparseable(str(error), request, reply, attempt)
                pending[index] = _again(request, reply, str(error), prompts)
    return [answers[index] for index in range(len(requests))]


def _again(request: Request, reply: Reply, reason: str, prompts: Prompts) -> Request:
    said = reply.text if len(reply.text) <= _SHOWN_OF_BAD_ANSWER else reply.text[:_SHOWN_OF_BAD_ANSWER] + " …"
    turns = (
        Message(role="assistant", content=said or "(empty)"),
        Message(role="user", content=prompts.render("ask_again.md.j2", reason=reason)),
    )
    return request.model_copy(update={"messages": (*request.messages, *turns)})
