from __future__ import annotations

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Feedback, FeedbackRequest
from reward_synth.store import RunStore


def test_answers_are_followed_never_overwritten(store: RunStore) -> None:
    store.write_request(FeedbackRequest(iteration=1))
    store.write_request(FeedbackRequest(iteration=1, question="another"))
    assert store.read_request(1) == FeedbackRequest(iteration=1)
    assert store.open_requests() == [1]
    assert store.read_answer(1) is None

    first = store.write_answer(1, Feedback(iteration=1, prefer="001-a", note="slower"))
    content = first.read_bytes()
    second = store.write_answer(1, Feedback(iteration=1, note="and lower"))
    assert (first.name, second.name) == ("001.answer.json", "001.answer-2.json")
    assert first.read_bytes() == content
    assert store.open_requests() == []
    merged = store.read_answer(1)
    assert merged is not None
    assert (merged.prefer, merged.note) == ("001-a", "slower\n\nand lower")
    assert [answer.note for answer in store.answers()] == ["slower", "and lower"]


def test_a_bare_stop_leaves_the_question_open(store: RunStore) -> None:
    store.write_request(FeedbackRequest(iteration=1))
    store.write_answer(1, Feedback(iteration=1, action="stop"))
    assert store.open_requests() == [1]


def test_an_answer_written_by_hand(store: RunStore) -> None:
    store.feedback_dir.mkdir()
    store.answer_path(2).write_text('{"note": "jump higher"}')
    answer = store.read_answer(2)
    assert answer is not None
    assert (answer.iteration, answer.note) == (2, "jump higher")
    store.answer_path(3).write_text('{"nite": "x"}')
    with pytest.raises(RewardSynthError, match="nite") as caught:
        store.read_answer(3)
    assert "note" in caught.value.hint
    store.answer_path(3).write_text('{"note": ')
    with pytest.raises(RewardSynthError, match="not valid JSON"):
        store.read_answer(3)
