from __future__ import annotations

import base64
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import ImagePart, Message, Request, TextPart
from reward_synth.llm.hosted import openai_messages
from reward_synth.llm.local import _messages
from reward_synth.llm.manual import ManualModel
from reward_synth.llm.replay import prompt_key

PICTURE = ImagePart(data=base64.b64encode(b"a picture").decode())
SEEN = Message(role="user", content=(TextPart(text="What moves here?"), PICTURE))


def test_a_message_of_parts_reads_as_text_with_its_pictures_numbered() -> None:
    assert SEEN.text == "What moves here?\n\n[image 1]"
    assert SEEN.images == (PICTURE,)
    plain = Message(role="user", content="hop")
    assert (plain.text, plain.images) == ("hop", ())
    assert Message.model_validate_json(SEEN.model_dump_json()) == SEEN


def test_providers_get_parts_as_openai_wants_them() -> None:
    text, image = openai_messages((SEEN,))[0]["content"]
    assert text == {"type": "text", "text": "What moves here?"}
    assert image == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE.data}"}}
    assert openai_messages((Message(role="user", content="hop"),)) == [{"role": "user", "content": "hop"}]


def test_recordings_tell_other_pictures_apart() -> None:
    other = Message(role="user", content=(TextPart(text="What moves here?"), ImagePart(data="b3RoZXI=")))
    assert prompt_key((SEEN,), 0) != prompt_key((other,), 0)


def test_the_embedded_model_says_that_it_sees_nothing() -> None:
    with pytest.raises(RewardSynthError, match="the embedded model sees no pictures") as error:
        _messages(Request(messages=(SEEN,), role="critic"))
    assert error.value.hint == "name another model for it: --model critic=NAME"


def test_a_person_finds_the_pictures_beside_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "001-critic.answer.md").write_text("the leg")
    model = ManualModel(tmp_path, poll=0.0, settle=0.0)
    assert model.complete(Request(messages=(SEEN,), role="critic")).text == "the leg"
    assert "[image 1]" in (tmp_path / "001-critic.prompt.md").read_text()
    assert (tmp_path / "001-critic.image-1.png").read_bytes() == b"a picture"
