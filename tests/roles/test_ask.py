from __future__ import annotations

import pytest

from reward_synth.llm.base import Ending, Message, Reply, Request
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


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I can\u2019t assist with this request.",
        "I cannot write code that controls a robot.",
        "Unfortunately, I am unable to do this.",
        "Sorry. No.",
        "As an AI language model, I have no opinion.",
        "I apologize, but I won't.",
        "I must decline.",
    ],
)
def test_who_refuses_is_asked_once_more(text: str) -> None:
    model = ScriptedModel([text, text, "7"])
    with pytest.raises(Unparseable) as failure:
        ask(model, request(), parse_number)
    assert (failure.value.fault, failure.value.attempts) == ("refused", 2)
    assert failure.value.reason == "the model refused to write it"


@pytest.mark.parametrize("text", ["Sorrow is a number.", "I can do that: seven", "seven, sorry", "I'm sorry. " * 200])
def test_other_words_are_no_refusal(text: str) -> None:
    with pytest.raises(Unparseable) as failure:
        ask(ScriptedModel([text] * 3), request(), parse_number)
    assert failure.value.fault == "unreadable"


class Ends(ScriptedModel):
    """A model whose answers all end in one way."""

    def __init__(self, answers: list[str], ending: Ending) -> None:
        super().__init__(answers)
        self.ending = ending

    def complete(self, request: Request) -> Reply:
        return super().complete(request).model_copy(update={"ending": self.ending})


@pytest.mark.parametrize(
    ("ending", "asks", "told"),
    [
        ("refused", 2, "refused"),
        ("filtered", 1, "content filter"),
        ("cut off", 3, "cut off at the limit of 2048 tokens: write less"),
        ("only reasoning", 2, "nothing but reasoning"),
    ],
)
def test_each_ending_has_its_words_and_its_bound(ending: Ending, asks: int, told: str) -> None:
    model = Ends(["x"] * 9, ending)
    with pytest.raises(Unparseable, match=told) as failure:
        ask(model, request(), parse_number)
    assert (failure.value.fault, len(model.requests)) == (ending, asks)
    if asks > 1:
        assert told in model.requests[1].messages[-1].text, "it is told what to do about it"


def test_an_empty_answer_is_asked_for_once_more() -> None:
    model = ScriptedModel([" "] * 9)
    with pytest.raises(Unparseable, match="the answer was empty"):
        ask(model, request(), parse_number)
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("```\n1\n```\nThis is beca", True),
        ("```\n1\n", False),
        ('{"number": 1}', True),
        ('{"number": 1', False),
        ("1", False),
    ],
)
def test_what_was_cut_off_is_used_only_if_it_has_its_end(text: str, whole: bool) -> None:
    model = Ends([text] * 3, "cut off")
    [answer] = ask_many(model, [request()], lambda text: text)
    assert isinstance(answer, Answer) == whole
