from __future__ import annotations

import json
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm import open_model
from reward_synth.llm.base import unheard
from reward_synth.llm.fake import ScriptedModel
from reward_synth.llm.replay import Recorder, ReplayModel

from .conftest import request


def record(path: Path) -> None:
    recorder = Recorder(ScriptedModel(lambda asked: f"answer {asked.sample} to {asked.messages[0].content}"), path)
    recorder.complete(request("first line\nsecond line"))
    recorder.complete_many([request("other", sample=0), request("other", sample=1, role="critic")])


@pytest.mark.parametrize("folder", [False, True])
def test_what_was_recorded_is_replayed(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "recording"
    if folder:
        path.mkdir()
    record(path)
    model = open_model(f"replay:{path}")
    replies = model.complete_many([request("other", sample=1), request("other"), request("first line\nsecond line")])
    assert [reply.text for reply in replies] == [
        "answer 1 to other",
        "answer 0 to other",
        "answer 0 to first line\nsecond line",
    ]
    assert {reply.usd for reply in replies} == {0.0}


def test_settings_of_the_model_do_not_matter_to_a_replay(tmp_path: Path) -> None:
    record(tmp_path / "r.jsonl")
    asked = request("other", temperature=0.1, max_tokens=5, grammar="root ::= x", candidate="001-a")
    assert ReplayModel(tmp_path / "r.jsonl").complete(asked).text == "answer 0 to other"


def test_an_unseen_prompt_names_the_closest_and_where_it_differs(tmp_path: Path) -> None:
    record(tmp_path / "r.jsonl")
    with pytest.raises(RewardSynthError) as caught:
        ReplayModel(tmp_path / "r.jsonl").complete(request("first line\nsecond, changed line"))
    message = caught.value.message
    assert "this designer prompt" in message
    assert "67% of its lines equal" in message
    assert "recorded: 'second line'" in message


def test_an_unseen_sample_says_so(tmp_path: Path) -> None:
    record(tmp_path / "r.jsonl")
    with pytest.raises(RewardSynthError, match="the messages are the same, the sample's number is not"):
        ReplayModel(tmp_path / "r.jsonl").complete(request("other", sample=9))


def test_a_missing_or_damaged_recording_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="no recording at"):
        open_model(f"replay:{tmp_path}/none.jsonl")
    path = tmp_path / "r.jsonl"
    record(path)
    path.write_text(path.read_text() + json.dumps({"role": "designer"}) + "\n")
    with pytest.raises(RewardSynthError, match=r"line 4 is no recorded answer: messages"):
        ReplayModel(path)


def test_answers_before_a_failure_are_recorded(tmp_path: Path) -> None:
    class Half(ScriptedModel):
        def complete_many(self, requests, heard=unheard):
            heard(requests[1], self.complete(requests[1]))
            raise RewardSynthError("bad key")

    recorder = Recorder(Half(["kept"]), tmp_path / "r.jsonl")
    with pytest.raises(RewardSynthError):
        recorder.complete_many([request("a"), request("b")])
    assert ReplayModel(tmp_path / "r.jsonl").complete(request("b")).text == "kept"
