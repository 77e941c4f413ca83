from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reward_synth.core.errors import GivenUp, RewardSynthError
from reward_synth.core.feedback import Feedback, FeedbackRequest
from reward_synth.core.types import Candidate
from reward_synth.search.feedback import (
    REJECTION,
    ConsoleAsk,
    answer_from_options,
    latest_request,
    open_in_editor,
    request_about,
    request_text,
    require_known,
)
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore

REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': next_state.x_velocity}\n"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore.create(tmp_path, "hop", Settings())
    for name, status in (("002-a", "trained"), ("002-b", "rejected")):
        store.write_reward(name, f"# {name}\n{REWARD}")
        store.save_candidate(
            Candidate.model_validate({"id": name, "iteration": 2, "status": status, "success": 0.5, "fitness": 2.0})
        )
    return store


def request(store: RunStore) -> FeedbackRequest:
    values = {
        "iteration": 2,
        "question": "Which is best?",
        "analysis": "It \x1b[31mfell over.",
        "fitness_unit": "m",
        "candidates": [
            {"id": name, "status": "trained", "success": 0.5, "fitness": 2.0, "reward": str(store.reward_path(name))}
            for name in ("002-a", "002-b")
        ],
    }
    return FeedbackRequest.model_validate(values)


def typed(*lines: str) -> Callable[..., str]:
    answers: Iterator[str] = iter(lines)

    def read(question: str, given_up: Callable[[], bool]) -> str:
        if given_up():
            raise GivenUp
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    return read


def ask(store: RunStore, *lines: str, edit: Callable[[str, str], str] | None = None) -> tuple[Feedback, str]:
    shown: list[str] = []
    answer = ConsoleAsk(typed(*lines), shown.append, edit)(request(store))
    assert answer is not None
    return answer, "\n".join(shown)


def test_a_preference_and_a_note(store: RunStore) -> None:
    answer, shown = ask(store, "2", "n bend the knees more", "c")
    assert answer == Feedback(iteration=2, prefer="002-b", note="bend the knees more")
    assert "success 50%, fitness 2 m" in shown
    assert str(store.reward_path("002-a")) in shown
    assert "\x1b" not in shown


def test_a_note_on_a_line_of_its_own_and_one_from_the_editor(store: RunStore) -> None:
    assert ask(store, "n", "hop", "c")[0].note == "hop"
    assert ask(store, "n", "", "c", edit=lambda text, suffix: "from\nthe editor\n")[0].note == "from\nthe editor"


def test_accepting_stopping_skipping(store: RunStore) -> None:
    assert ask(store, "1", "a")[0] == Feedback(iteration=2, prefer="002-a", action="accept")
    assert ask(store, "q")[0] == Feedback(iteration=2, action="stop")
    assert ask(store, "s")[0] == Feedback(iteration=2, action="skip")
    assert ask(store)[0] == Feedback(iteration=2, action="skip")


def test_after_d_nothing_is_asked_again(store: RunStore) -> None:
    shown: list[str] = []
    console = ConsoleAsk(typed("d"), shown.append)
    assert console(request(store)) == Feedback(iteration=2, action="skip")
    shown.clear()
    assert console(request(store).model_copy(update={"iteration": 3})) == Feedback(iteration=3, action="skip")
    assert shown == []


def test_an_answer_that_was_given_elsewhere_ends_the_question(store: RunStore) -> None:
    asked = request(store).model_copy(update={"answer": str(store.answer_path(2))})
    shown: list[str] = []
    console = ConsoleAsk(typed("n too slow", "c"), shown.append)
    assert console(asked) == Feedback(iteration=2, note="too slow")
    store.write_answer(2, Feedback(iteration=2, note="from the page"))
    assert console(asked) is None
    assert shown[-1] == "answered elsewhere"


def test_somebody_who_answers_again_is_not_sent_away(store: RunStore) -> None:
    assert request_about(store, 2, "").answer == str(store.answer_path(2))
    store.write_answer(2, Feedback(iteration=2, note="too slow"))
    assert request_about(store, 2, "").answer == ""


def test_an_edited_file_and_an_edited_copy(store: RunStore, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(REWARD)
    by_path, _ = ask(store, "2", f"e {mine}", "c")
    assert (by_path.edited, by_path.edited_from) == (REWARD, "002-b")
    copy, _ = ask(store, "e 1", "", "c", edit=lambda text, suffix: text + "# mine\n")
    assert copy.edited == f"# 002-a\n{REWARD}# mine\n"
    assert copy.edited_from == "002-a"


def test_a_slip_is_told_and_asked_again(store: RunStore, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def compute_reward(:\n")
    answer, shown = ask(store, "x", "9", "e nowhere.py", f"e {broken}", "1", "c")
    assert answer.prefer == "002-a"
    for told in ("'x' is none of the keys", "'9' is none", "cannot read nowhere.py", "line 1 is not valid Python"):
        assert told in shown


def test_the_options_of_the_command(store: RunStore, tmp_path: Path) -> None:
    answer = answer_from_options(store, prefer="002-a", note="more")
    assert answer == Feedback(iteration=2, prefer="002-a", note="more")
    assert answer_from_options(store, reject=True, note="it limps").note == f"{REJECTION}\nit limps"
    edited = answer_from_options(store, edit=store.reward_path("002-b"))
    assert edited.edited_from == "002-b"
    mine = tmp_path / "mine.py"
    mine.write_text(REWARD)
    store.set_best("002-a")
    assert answer_from_options(store, edit=mine).edited_from == "002-a"
    assert answer_from_options(store, accept=True).action == "accept"


def test_options_that_cannot_be_meant(store: RunStore, tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="no candidate '002-z'"):
        answer_from_options(store, prefer="002-z")
    with pytest.raises(RewardSynthError, match="--reject"):
        answer_from_options(store, reject=True, prefer="002-a")
    with pytest.raises(RewardSynthError, match="none to accept"):
        answer_from_options(store, accept=True)
    (tmp_path / "other.py").write_text("x = 1\n")
    with pytest.raises(RewardSynthError, match="no function compute_reward"):
        answer_from_options(store, edit=tmp_path / "other.py")


@pytest.mark.parametrize(
    ("said", "words", "there"),
    [
        ({"order": [["002-a/seed-0-episode-000"], ["002-a/seed-0-episode-007"]]}, "007", "seed-0-episode-000, "),
        ({"order": [["009-z/seed-0-episode-000"]]}, "009-z", "episodes of 002-a, reference, such as 002-a/seed-0-"),
        ({"pairs": [{"first": "reference/000", "second": "reference/009", "answer": "same"}]}, "reference/009",
         "there are: reference/000"),
        ({"moments": [{"episode": "002-b/seed-0-episode-000", "second": 0.0, "note": "x"}]}, "002-b", "episodes of"),
        ({"prefer": "002-c"}, "002-c", "there are: 002-a, 002-b"),
    ],
)  # fmt: skip
def test_an_answer_by_file_about_what_there_is_not_is_refused_with_what_there_is(
    store: RunStore, said: dict[str, object], words: str, there: str
) -> None:
    (store.trajectories_dir("002-a")).mkdir(parents=True)
    store.reference_dir.mkdir()
    for path in (*(store.trajectories_dir("002-a") / f"seed-0-episode-00{k}.npz" for k in range(2)),
                 store.reference_dir / "000.npz"):  # fmt: skip
        path.touch()
    path = store.answer_path(2)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(said | {"note": "slower"}))
    with pytest.raises(RewardSynthError, match="the answer about iteration 2 cannot be followed") as caught:
        require_known(store)
    assert words in caught.value.message and there in caught.value.hint
    assert "resume" in caught.value.hint and store.answers()[0].note == "slower"


def test_what_an_answer_names_may_be_lost_later(store: RunStore) -> None:
    store.results_table()
    path = store.answer_path(2)
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"prefer": "002-a", "order": [["002-a/seed-0-episode-000"]]}')
    job = store.candidate_dir("002-a") / "train" / "seed-0" / "job.json"
    job.parent.mkdir(parents=True)
    job.touch()
    require_known(store)
    shutil.rmtree(store.candidate_dir("002-a"))
    require_known(store)


def test_the_oldest_open_question_comes_first(store: RunStore) -> None:
    assert latest_request(store).iteration == 2
    assert [c.id for c in latest_request(store).candidates] == ["002-a", "002-b"]
    store.write_request(FeedbackRequest(iteration=1, question="older"))
    store.write_request(FeedbackRequest(iteration=2, question="newer"))
    assert latest_request(store).question == "older"
    store.write_answer(1, Feedback(iteration=1))
    assert latest_request(store).question == "newer"
    assert "newer" in "\n".join(request_text(latest_request(store)))


def test_no_candidates_no_question(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="no candidates yet"):
        latest_request(RunStore.create(tmp_path, "hop", Settings()))


def test_the_editor_is_a_real_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "editor.py"
    script.write_text("import pathlib, sys\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text() + 'edited')\n")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    assert open_in_editor("was ", ".md") == "was edited"
    monkeypatch.setenv("EDITOR", "/nowhere/editor")
    with pytest.raises(RewardSynthError, match="failed"):
        open_in_editor("", ".md")
    monkeypatch.delenv("EDITOR")
    with pytest.raises(RewardSynthError, match="no editor"):
        open_in_editor("", ".md")
