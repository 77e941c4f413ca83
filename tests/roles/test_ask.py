from __future__ import annotations

import pytest

from reward_synth.llm.base import Message, Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.ask import Answer, Unparseable, ask, ask_many
from reward_synth.roles.parsing import ParseError


def parse_number(text: str) -> int:
    if not text.isdigit():
        raise ParseError("it is not a number")
    return int(text)


def request(text: str = "How many?", sample: int = 0) -> Request:
    return Request(messages=(Message(role="user", content=text),), role="task_drafter", sample=sample)


def test_good_answer_is_asked_for_once() -> None:
    model = ScriptedModel(["7"])
    answer = ask(model, request(), parse_number)
    assert (answer.value, answer.attempts, len(model.requests)) == (7, 1, 1)


def test_bad_answer_is_asked_again_with_the_reason() -> None:
    model = ScriptedModel(["seven", "7"])
    answer = ask(model, request(), parse_number)
    assert (answer.value, answer.attempts) == (7, 2)
    said, again = model.requests[1].messages[-2:]
    assert (said.role, said.content) == ("assistant", "seven")
    assert again.role == "user" and "it is not a number" in again.content
    assert model.requests[1].messages[0] == model.requests[0].messages[0]


def test_third_bad_answer_is_the_last() -> None:
    model = ScriptedModel(["a", "b", "c", "7"])
    with pytest.raises(Unparseable) as failure:
        ask(model, request(), parse_number)
    assert len(model.requests) == 3
    assert failure.value.reason == "it is not a number"
    assert failure.value.reply.text == "c"
    assert failure.value.attempts == 3


def test_runaway_answer_is_not_shown_back_whole() -> None:
    model = ScriptedModel(["x" * 100_000, "7"])
    ask(model, request(), parse_number)
    assert len(model.requests[1].messages[-2].content) < 5000


def test_only_the_failures_of_several_are_asked_again_and_order_is_kept() -> None:
    def answer(request: Request) -> str:
        first = request.messages[0].content
        return "no" if first == "c" or (first == "b" and len(request.messages) == 1) else {"a": "1", "b": "2"}[first]

    model = ScriptedModel(answer)
    answers = ask_many(model, [request("a"), request("b"), request("c")], parse_number)
    assert [a.value if isinstance(a, Answer) else a.reason for a in answers] == [1, 2, "it is not a number"]
    assert [len(r.messages) for r in model.requests] == [1, 1, 1, 3, 3, 5]


def test_no_requests_no_calls() -> None:
    model = ScriptedModel([])
    assert ask_many(model, [], parse_number) == []
    assert model.requests == []
