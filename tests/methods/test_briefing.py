from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.feedback import Feedback
from reward_synth.methods import briefing
from reward_synth.methods.base import History, Tools
from reward_synth.methods.briefing import brief_for, words_of
from reward_synth.methods.eureka import Eureka
from reward_synth.roles.prompts import Prompts
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from tests.diagnosis import cases as trainings
from tests.preferences import cases


def history(store: RunStore) -> History:
    return History(
        store=store,
        task=trainings.SPEC,
        settings=Settings(),
        table=trainings.TABLE,
        dt=trainings.DT,
        small=False,
        falls=True,
        unseen=(),
        seen="- torso_x: starts at 0; aimless -1 to 1",
        iteration=2,
        candidates=tuple(store.candidates()),
        readings={},
        answers=store.answers(),
    )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setattr(briefing, "describe_environment", lambda *_: "A walker.")
    return cases.make_run(tmp_path)


def test_a_persons_order_reaches_the_designer_with_what_the_best_rewards_pay_there(store: RunStore) -> None:
    assert brief_for(history(store)).ordered == ""
    assert brief_for(history(store)).seen == "- torso_x: starts at 0; aimless -1 to 1"
    store.write_answer(1, Feedback(iteration=1, order=(cases.CRAWLED, cases.WALKED)))
    ordered = brief_for(history(store)).ordered
    assert "2. 4 episodes: `torso_x` changes by 0.801 m/s (others 0.011 m/s)" in ordered
    assert "001-a: agreement with the person -1.00" in ordered and "It pays 2 more than 1." in ordered
    assert "001-b: agreement with the person +1.00" in ordered


def test_eureka_continues_its_conversation_with_the_order(store: RunStore) -> None:
    store.write_answer(1, Feedback(iteration=1, order=(cases.CRAWLED, cases.WALKED)))
    proposals = Eureka(Tools(Settings(), None, Prompts())).propose(history(store))
    said = proposals.conversation[-1].text
    assert "# How the person ordered recorded behaviours" in said and "001-a: agreement with the person -1.00" in said


def test_a_remark_on_a_moment_is_told_with_its_second_and_candidate() -> None:
    moments = [
        {"candidate": "001-a", "episode": cases.FELL[0], "second": 1.25, "note": "here it trips"},
        {"episode": cases.RESTED[0], "second": 0, "note": "like this"},
    ]
    answer = Feedback.model_validate({"iteration": 1, "note": "slower", "moments": moments})
    assert words_of(answer).splitlines() == [
        "slower",
        "At 1.2 s of an episode of 001-a: here it trips",
        "At 0.0 s of an episode of a script: like this",
    ]
