from __future__ import annotations

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.fake import ScriptedModel

from .conftest import request


def test_a_list_answers_in_turn_and_runs_out() -> None:
    model = ScriptedModel(["one", "two"])
    assert [reply.text for reply in model.complete_many([request(), request("again")])] == ["one", "two"]
    assert [asked.messages[0].content for asked in model.requests] == ["hello", "again"]
    with pytest.raises(RewardSynthError, match="has run out at call 3"):
        model.complete(request())


def test_a_function_answers_anything() -> None:
    model = ScriptedModel(lambda asked: f"{asked.role} {asked.sample}")
    assert model.complete(request(role="critic", sample=3)).text == "critic 3"
