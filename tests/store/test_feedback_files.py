from __future__ import annotations

import os

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.feedback import Feedback, FeedbackRequest
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


def test_orders_pairs_and_moments_of_several_answers(store: RunStore) -> None:
    one, other = "001-a/seed-0-episode-000", "reference/003"
    for path in (store.trajectories_dir("001-a") / "seed-0-episode-000.npz", store.reference_dir / "003.npz"):
        path.parent.mkdir(parents=True)
        path.touch()
    pair = {"first": one, "second": other, "answer": "cannot tell"}
    moment = {"episode": other, "second": 1.5, "note": "it trips"}
    for said in ({"order": [[one], [other]], "pairs": [pair]}, {"order": [[other, one]], "moments": [moment]}, {}):
        store.write_answer(1, Feedback.model_validate({"iteration": 1} | said | {"note": "so"}))
    merged = store.read_answer(1)
    assert merged is not None
    assert merged.order == ((other, one),), "the latest"
    assert [each.answer for each in merged.pairs] == ["cannot tell"]
    assert [(each.candidate, each.second) for each in merged.moments] == [(None, 1.5)]
    assert merged.episodes == (other, one)


@pytest.mark.parametrize(
    "said",
    [
        {"order": [["001-a/seed-0-episode-000"]]},
        {"pairs": [{"first": "reference/000", "second": "reference/001", "answer": "same"}]},
        {"moments": [{"episode": "../../etc/passwd", "second": 0.0, "note": ""}]},
    ],
)
def test_an_answer_about_an_episode_that_was_never_recorded_is_refused(
    store: RunStore, said: dict[str, object]
) -> None:
    with pytest.raises(RewardSynthError, match="no recorded episode") as caught:
        store.write_answer(1, Feedback.model_validate({"iteration": 1} | said))
    assert "seed-0-episode" in caught.value.hint
    assert store.read_answer(1) is None


def test_no_id_names_a_file_elsewhere(store: RunStore) -> None:
    outside = store.path / "candidates" / "x" / "trajectories" / "seed-0-episode-000.npz"
    outside.parent.mkdir(parents=True)
    outside.touch()
    for name in ("x/seed-0-episode-000", "001-a/../../x/trajectories/seed-0-episode-000", "reference/../x"):
        with pytest.raises(RewardSynthError, match="no recorded episode"):
            store.episode_path(name)


@pytest.mark.parametrize(
    "said",
    [
        {"order": [["a", "b"], ["a"]]},
        {"pairs": [{"first": "a", "second": "a", "answer": "same"}]},
        {"pairs": [{"first": "a", "second": "b", "answer": "neither"}]},
        {"moments": [{"episode": "a", "second": -1.0, "note": ""}]},
    ],
)
def test_what_contradicts_itself_is_no_answer(said: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Feedback.model_validate({"iteration": 1} | said)


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


def test_an_answer_that_is_being_written_is_waited_for(store: RunStore) -> None:
    store.write_answer(1, Feedback(iteration=1, note="whole"))
    path = store.feedback_dir / "002.answer.json"
    for content in ("", '{"note": "ha'):
        path.write_text(content)
        assert store.read_answer(2) is None and [each.note for each in store.answers()] == ["whole"]
    os.utime(path, (0, 0))
    with pytest.raises(RewardSynthError, match=r"002\.answer\.json is not valid JSON"):
        store.read_answer(2)
    path.write_text('{"note": "half no more"}')
    assert store.read_answer(2) == Feedback(iteration=2, note="half no more")


def test_the_last_answer_says_whether_a_reward_is_accepted(store: RunStore) -> None:
    assert store.accepted() is None
    store.write_answer(2, Feedback(iteration=2, note="not yet"))
    store.write_answer(2, accepting := Feedback(iteration=2, prefer="001-a", action="accept"))
    assert store.accepted() == accepting.model_copy(update={"note": "not yet"})
    store.write_answer(3, Feedback(iteration=3, note="go on"))
    assert store.accepted() is None
