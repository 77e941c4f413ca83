from __future__ import annotations

import json
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import unheard
from reward_synth.llm.cache import Cached, request_key
from reward_synth.llm.fake import ScriptedModel

from .conftest import request


def test_the_second_time_costs_nothing_and_asks_nobody(tmp_path: Path) -> None:
    model = ScriptedModel(["one"], usd=0.25)
    cached = Cached(model, tmp_path)
    first, second = cached.complete(request()), cached.complete(request(role="critic", candidate="002-a"))
    assert (first.cached, first.usd) == (False, 0.25)
    assert (second.text, second.cached, second.usd) == ("one", True, 0.0)
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "change",
    [{"temperature": 0.1}, {"max_tokens": 7}, {"sample": 1}, {"grammar": "root ::= x"}, {"text": "other"}],
)
def test_everything_the_answer_depends_on_is_in_the_key(change: dict) -> None:
    assert request_key("m", request(**change)) != request_key("m", request())
    assert request_key("m", request()) != request_key("n", request())


def test_another_server_is_another_model(tmp_path: Path) -> None:
    Cached(ScriptedModel(["one"]), tmp_path, endpoint="http://a").complete(request())
    assert Cached(ScriptedModel(["two"]), tmp_path, endpoint="http://b").complete(request()).text == "two"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"text": 1}', b"\xff\xfe"])
def test_a_damaged_file_is_asked_anew_and_mended(tmp_path: Path, damage: bytes) -> None:
    Cached(ScriptedModel(["old"]), tmp_path).complete(request())
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(damage)
    assert Cached(ScriptedModel(["new"]), tmp_path).complete(request()).text == "new"
    assert json.loads(file.read_text())["text"] == "new"


def test_many_ask_only_for_what_is_missing_and_keep_order(tmp_path: Path) -> None:
    model = ScriptedModel(lambda asked: asked.messages[0].content.upper())
    cached = Cached(model, tmp_path)
    cached.complete(request("b"))
    replies = cached.complete_many([request(text) for text in "abca"])
    assert [reply.text for reply in replies] == ["A", "B", "C", "A"]
    assert [reply.cached for reply in replies] == [False, True, False, True]
    assert len(model.requests) == 3
    assert not list(tmp_path.glob("*.part"))


def test_answers_beside_a_failure_are_kept(tmp_path: Path) -> None:
    class Half(ScriptedModel):
        def complete_many(self, requests, heard=unheard):
            heard(requests[1], self.complete(requests[1]))
            raise RewardSynthError("bad key")

    Cached(ScriptedModel(["A"]), tmp_path).complete(request("a"))
    heard: list[tuple[str, bool]] = []
    with pytest.raises(RewardSynthError, match="bad key"):
        Cached(Half(["C"]), tmp_path).complete_many(
            [request("a"), request("b"), request("c")], lambda _, reply: heard.append((reply.text, reply.cached))
        )
    assert heard == [("A", True), ("C", False)]
    assert Cached(ScriptedModel([]), tmp_path).complete(request("c")).text == "C"
