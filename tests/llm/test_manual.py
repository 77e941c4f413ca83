from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reward_synth.core.errors import Stopped
from reward_synth.llm.base import Message, Request, Waiting
from reward_synth.llm.manual import ManualModel, _prompt_text

from .conftest import request


class Clock:
    """Time passes when the model sleeps, and with each sleep the person types a little."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.typing: Iterator[Callable[[], object]] = iter(())

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        next(self.typing, lambda: None)()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("reward_synth.llm.manual.time", clock)
    return clock


def stopped() -> None:
    raise Stopped("stop was requested")


def manual(folder: Path, **options) -> ManualModel:
    return ManualModel(folder, **({"poll": 0.02, "settle": 0.2} | options))


def test_all_prompts_lie_there_before_the_first_answer(tmp_path: Path) -> None:
    announced = []

    def person(pairs) -> None:
        announced.extend(pairs)
        # Answered from the last to the first, each beside its prompt.
        for prompt, answer in reversed(pairs):
            answer.write_text("answer to " + prompt.read_text().strip())

    model = manual(tmp_path, announce=person)
    replies = model.complete_many([request("red"), request("blue", role="critic")])
    assert [reply.text for reply in replies] == ["answer to red", "answer to blue"]
    assert [pair[0].name for pair in announced] == ["001-designer.prompt.md", "002-critic.prompt.md"]
    assert [pair[1].name for pair in announced] == ["001-designer.answer.md", "002-critic.answer.md"]
    assert replies[0].usd is None
    assert replies[0].prompt_tokens is None


def test_an_answer_that_still_grows_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    def write_slowly(pairs) -> None:
        def write(piece: str) -> None:
            with pairs[0][1].open("a") as file:
                file.write(piece)

        clock.typing = ((lambda piece=piece: write(piece)) for piece in ("", "one ", "two ", "three"))

    assert manual(tmp_path, announce=write_slowly, poll=0.1, settle=0.3).complete(request()).text == "one two three"
    # Four times something was typed; after the last one it was still for as long as it takes to settle.
    assert 0.7 <= clock.seconds <= 0.9


def test_an_answer_from_before_a_stop_is_taken_up(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="stop was requested"):
        manual(tmp_path, waiting=Waiting(check=stopped)).complete(request("red"))
    (tmp_path / "001-designer.answer.md").write_text("late")
    announced = []
    model = manual(tmp_path, announce=announced.extend)
    assert model.complete(request("red")).text == "late"
    assert announced == []
    assert len(list(tmp_path.glob("*.prompt.md"))) == 1


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="stop was requested"):
        manual(tmp_path, waiting=Waiting(check=stopped)).complete(request())


def test_an_empty_answer_is_none(tmp_path: Path, clock: Clock) -> None:
    def person(pairs) -> None:
        pairs[0][1].write_text("  \n")

    with pytest.raises(Stopped, match="stop was requested"):
        manual(
            tmp_path, announce=person, waiting=Waiting(check=lambda: stopped() if clock.seconds > 0.5 else None)
        ).complete(request())


def test_samples_of_one_prompt_are_asked_apart(tmp_path: Path) -> None:
    def person(pairs) -> None:
        for prompt, answer in pairs:
            answer.write_text(prompt.name)

    replies = manual(tmp_path, announce=person).complete_many([request(sample=0), request(sample=1)])
    assert replies[0].text != replies[1].text


def test_a_conversation_that_goes_on_is_not_a_fresh_chat(tmp_path: Path) -> None:
    turns = (Message(role="user", content="Draft."), Message(role="assistant", content="x > 1"))
    first = Request(messages=turns[:1], role="designer", sample=1)
    later = Request(messages=(*turns, Message(role="user", content="Again.")), role="designer", sample=1)
    for asked, fresh in ((first, True), (later, False)):
        text = _prompt_text(asked)
        assert ("answer it afresh" in text) is fresh and ("your earlier answer was" in text) is not fresh
