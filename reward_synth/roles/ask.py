"""Asks a model, and asks again with the reason if its answer cannot be parsed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from reward_synth.llm.base import Message, Model, Reply, Request
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.prompts import Prompts

Value = TypeVar("Value")

Fault = Literal["refused", "filtered", "cut off", "only reasoning", "empty", "unreadable"]
"""Why an answer cannot be used."""

ASKS: dict[Fault, int] = {
    "refused": 2, "filtered": 1, "cut off": 3, "only reasoning": 2, "empty": 2, "unreadable": 3,
}  # fmt: skip
"""Calls for one answer, the first included, by the fault of the last one. Who refuses twice refuses again."""

_LONGEST_REFUSAL = 1500
"""In characters. A longer text without what was asked for explains something."""
_REFUSAL = re.compile(
    r"\W*(I.m |I am )?(very |really |truly )?(sorry|afraid)\b|\W*(I )?apologi[sz]e"
    r"|\W*(unfortunately,? )?I (can.?t|cannot|can not|won.?t|will not|must decline|am unable|am not able)\b"
    r"|\W*(unfortunately,? )?I.m (unable|not able)\b|\W*as an AI\b",
    re.IGNORECASE,
)
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
    """Calls made, at most the highest of :data:`ASKS`."""


class Unparseable(Exception):
    """The model's last answer could still not be used.

    :param reason: what was missing, in words.
    """

    def __init__(self, fault: Fault, reason: str, request: Request, reply: Reply, attempts: int) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
        self.request = request
        self.reply = reply
        self.attempts = attempts


def ask(model: Model, request: Request, parse: Callable[[str], Value], prompts: Prompts | None = None) -> Answer[Value]:
    """Make one request, and return the parsed answer.

    :param parse: takes the answer's text; raises :class:`~reward_synth.roles.parsing.ParseError` with the reason.
    :raises Unparseable: as many answers in a row as :data:`ASKS` allows could not be used.
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
    for attempt in range(1, max(ASKS.values()) + 1):
        replies = model.complete_many(list(pending.values())) if pending else []
        for (index, request), reply in zip(list(pending.items()), replies, strict=True):
            answers[index] = answer = _judged(parse, request, reply, attempt)
            del pending[index]
            if isinstance(answer, Unparseable) and attempt < ASKS[answer.fault]:
                pending[index] = _again(request, reply, answer.reason, prompts)
    return [answers[index] for index in range(len(requests))]


def _judged(parse: Callable[[str], Value], request: Request, reply: Reply, attempt: int) -> Answer[Value] | Unparseable:
    """The parsed answer, or why it cannot be used. Code that was cut off is never taken for the whole."""
    missing = "it was cut off"
    if reply.ending != "cut off" or _has_its_end(reply.text):
        try:
            return Answer(parse(reply.text), request, reply, attempt)
        except ParseError as error:
            missing = str(error)
    fault = _fault_of(reply)
    return Unparseable(fault, _in_words(fault, request, missing), request, reply, attempt)


def _has_its_end(text: str) -> bool:
    """True if what was asked for seems complete, and only words after it were cut off."""
    fences = text.count("```")
    return fences % 2 == 0 if fences else text.rstrip().endswith(("}", "]"))


def _fault_of(reply: Reply) -> Fault:
    if reply.ending != "whole":
        return reply.ending
    if not reply.text.strip():
        return "empty"
    refuses = len(reply.text) <= _LONGEST_REFUSAL and _REFUSAL.match(reply.text)
    return "refused" if refuses else "unreadable"


def _in_words(fault: Fault, request: Request, missing: str) -> str:
    limit = f"at the limit of {request.max_tokens} tokens"
    return {
        "refused": "the model refused to write it",
        "filtered": "a content filter withheld the answer",
        "cut off": f"it was cut off {limit}: write less, without explanations",
        "only reasoning": f"it held nothing but reasoning when it ended {limit}: think less, and write the answer",
        "empty": "the answer was empty",
        "unreadable": missing,
    }[fault]


def _again(request: Request, reply: Reply, reason: str, prompts: Prompts) -> Request:
    said = reply.text if len(reply.text) <= _SHOWN_OF_BAD_ANSWER else reply.text[:_SHOWN_OF_BAD_ANSWER] + " …"
    turns = (
        Message(role="assistant", content=said or "(empty)"),
        Message(role="user", content=prompts.render("ask_again.md.j2", reason=reason)),
    )
    return request.model_copy(update={"messages": (*request.messages, *turns)})
