"""What the loop asks for while trainings run, four times a second: it must read no candidate again."""

from __future__ import annotations

import builtins
import io
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate
from reward_synth.llm.fake import ScriptedModel
from reward_synth.preparation.prepare import prepare_spec
from reward_synth.search.session import SearchSession
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task

REWARD = "def compute_reward(state, action, next_state):\n    return {'x': 1.0}\n"


def test_a_poll_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reward_synth.search.models.open_model", lambda name, **_: ScriptedModel(lambda _: ""))
    settings = Settings(model="scripted", budget=5.0, time_limit=3600.0)
    store = RunStore.create(tmp_path, "balance", settings)
    for number in range(200):
        name = f"{number + 1:03d}-a"
        store.write_reward(name, REWARD)
        found = Candidate(id=name, iteration=number + 1, status="trained", success=0.1, fitness=float(number))
        store.save_candidate(found)
    prepared = prepare_spec(load_task("inverted_pendulum_balance"), settings)
    with SearchSession(store, settings, lambda event: None, None, prepared) as session:
        assert session.best is not None and session.best.id == "200-a"

        def opened(*arguments: object, **_: object) -> None:
            pytest.fail(f"a poll opened {arguments[0]}")

        for place in (builtins, io):
            monkeypatch.setattr(place, "open", opened)
        assert not session.solved and not session.finished
        assert session.reason_to_stop() is None
        monkeypatch.undo()
        store.request_stop()
        assert session.reason_to_stop() == "stop was requested"


def test_an_answer_by_file_may_name_scripts_episodes_and_none_that_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reward_synth.search.models.open_model", lambda name, **_: ScriptedModel(lambda _: ""))
    settings = Settings(model="scripted")
    store = RunStore.create(tmp_path, "balance", settings)
    store.feedback_dir.mkdir(exist_ok=True)
    prepared = prepare_spec(load_task("inverted_pendulum_balance"), settings)
    with SearchSession(store, settings, lambda event: None, None, prepared) as session:
        store.answer_path(1).write_text('{"order": [["reference/001"], ["reference/000"]]}')
        assert session.history(1).answers[0].order == (("reference/001",), ("reference/000",))
        store.answer_path(2).write_text('{"order": [["reference/999"], ["reference/000"]], "note": "slower"}')
        with pytest.raises(RewardSynthError, match="reference/999") as caught:
            session.history(2)
        assert "reference/000, reference/001" in caught.value.hint
        assert [answer.note for answer in store.answers()] == ["", "slower"]
