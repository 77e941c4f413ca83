from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm import open_model
from reward_synth.llm.base import ImagePart, Message, TextPart, Waiting
from reward_synth.llm.cache import Cached
from reward_synth.llm.hosted import REASONING_ROOM, without_reasoning
from reward_synth.llm.litellm import LiteLLMModel
from reward_synth.llm.openai_server import OpenAIServerModel, is_asked_directly

from .conftest import ChatServer, refusal, request

KEY = "sk-secret0123456789abcdef"


def model(server: ChatServer, **changes: Any) -> OpenAIServerModel:
    waiting = Waiting(**{"timeout": 60.0, "patience": 1.0} | changes)
    return OpenAIServerModel("openai/test-model", server.url, waiting, first_wait=0.02)


def said(message: dict[str, Any], finish_reason: str = "stop", **others: Any) -> dict[str, Any]:
    """A step of the server's script: an answer with this message."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant"} | message}
    return {"body": {"choices": [choice]} | others}


@pytest.mark.parametrize(
    "name", ["llama3", "qwen3:8b", "gpt-oss:20b", "gpt2", "gpt-neox-20b", "o", "olmo", "openai/m", "openai/meta/m"]
)
def test_a_server_of_ones_own_is_asked_directly(name: str) -> None:
    assert is_asked_directly(name)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5.4",
        "openai/gpt-5.4",
        "o3",
        "o4-mini",
        "chatgpt-4o-latest",
        "ft:gpt-4o:mine",
        "claude-sonnet-5",
        "ollama/llama3",
        "anthropic/claude-sonnet-5",
        "meta-llama/Llama-3",
        "openrouter/openai/m",
    ],
)
def test_names_of_providers_go_through_litellm(name: str) -> None:
    assert not is_asked_directly(name)


def test_without_an_address_the_provider_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert isinstance(open_model("openai/test-model"), LiteLLMModel)


def test_litellm_is_not_imported(chat_server: ChatServer) -> None:
    code = (
        "import sys\n"
        "from reward_synth.llm.catalogue import try_model\n"
        f"print(try_model('test-model', base_url={chat_server.url!r}).text)\n"
        "print([name for name in ('litellm', 'torch', 'openai.resources.chat') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["hello", "[]"]
    assert chat_server.calls[0]["model"] == "test-model"


def test_the_prefix_is_not_part_of_the_servers_name(chat_server: ChatServer) -> None:
    open_model("openai/meta/m", base_url=chat_server.url).complete(request())
    assert chat_server.calls[0]["model"] == "meta/m"


def test_pictures_are_sent_as_openai_wants_them(chat_server: ChatServer) -> None:
    seen = Message(role="user", content=(TextPart(text="What moves?"), ImagePart(data="aGVsbG8=")))
    model(chat_server).complete(request(messages=(seen,)))
    text, image = chat_server.calls[0]["messages"][0]["content"]
    assert text == {"type": "text", "text": "What moves?"}
    assert image == {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}


# Answers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": [{"type": "text", "text": "one "}, {"text": "two"}]}, "one two"),
        ({"content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "two"}]}, "two"),
        ({"content": "yes", "reasoning_content": "hm", "reasoning": "hm"}, "yes"),
        ({"content": "<think>hm</think>\n\nyes"}, "yes"),
        ({"content": None, "refusal": "I will not."}, "I will not."),
        ({"content": None}, ""),
        ({}, ""),
    ],
)
def test_the_answer_alone_is_the_reply(chat_server: ChatServer, message: dict[str, Any], text: str) -> None:
    chat_server.script = [said(message)]
    assert model(chat_server).complete(request()).text == text
    assert len(chat_server.calls) == 1


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\n<think>a\nb</think>\nyes", "yes"),
        ("<thinking>a</thinking>yes", "yes"),
        ("the template opened it</think>yes", "yes"),
        ("<think>cut off", ""),
        ("The tag <think>x</think> is no reasoning here", "The tag <think>x</think> is no reasoning here"),
        ("yes", "yes"),
    ],
)
def test_reasoning_in_tags_is_taken_out(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer


def test_an_answer_is_kept_whatever_stands_beside_it(chat_server: ChatServer, tmp_path: Path) -> None:
    half = "a smile cut in two: \ud83d"
    chat_server.script = [
        refusal(503, half),
        said({"content": half, "refusal": False}, 0),  # type: ignore[arg-type]
    ]
    told: list[str] = []
    asked = Cached(model(chat_server, patience=20.0, tell=told.append), tmp_path)
    assert asked.complete(request()).text == asked.complete(request()).text == half.replace("\ud83d", "?")
    assert len(chat_server.calls) == 2 and "cut in two: ?" in told[0]


@pytest.mark.parametrize(
    "usage", [None, {}, [], 3, {"prompt_tokens": None}, {"prompt_tokens": -7}, {"prompt_tokens": "many"},
              {"prompt_tokens": math.nan}, {"prompt_tokens": 1e300}, {"prompt_tokens": 7.5}],
)  # fmt: skip
def test_tokens_that_are_not_told_are_unknown(chat_server: ChatServer, usage: object) -> None:
    chat_server.script = [said({"content": "yes"}, usage=usage), said({"content": "yes"})]
    asked = model(chat_server)
    for _ in range(2):
        reply = asked.complete(request())
        assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    "message",
    [{"content": ""}, {"content": "<think>hm"}, {"content": "half of it", "reasoning": "hm"}],
    ids=["hidden", "in tags", "beside the answer"],
)
def test_a_model_that_reasons_gets_room_for_it(chat_server: ChatServer, message: dict[str, str]) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 50}
    chat_server.script = [said(message, "length", usage=usage), {"text": "yes"}]
    asked = model(chat_server)
    reply = asked.complete(request(max_tokens=50))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("yes", 5 + 7, 50 + 3), "both calls are booked"
    asked.complete(request(max_tokens=50))
    assert [call["max_tokens"] for call in chat_server.calls] == [50, 50 + REASONING_ROOM, 50 + REASONING_ROOM]


def test_a_model_that_reasons_without_end_is_not_asked_for_ever(chat_server: ChatServer) -> None:
    chat_server.script = [said({"content": "<think>hm"}, "length")]
    asked = model(chat_server)
    assert asked.complete(request()).text == "", "who asked will say what is missing"
    asked.complete(request())
    assert len(chat_server.calls) == 3, "the room is given once"


def test_an_answer_that_is_cut_off_is_kept(chat_server: ChatServer) -> None:
    chat_server.script = [said({"content": "half of it"}, "length")]
    assert model(chat_server).complete(request()).text == "half of it"
    assert len(chat_server.calls) == 1


def test_an_answer_that_was_filtered_is_told(chat_server: ChatServer) -> None:
    chat_server.script = [said({"content": None}, "content_filter")]
    assert model(chat_server).complete(request()).ending == "filtered"


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "left_out"),
    [
        (refusal(400, "Unknown parameter: 'seed'"), {"seed"}),
        (refusal(400, "Temperature is not supported with this model"), {"temperature"}),
        (refusal(400, "neither seed nor temperature"), {"seed", "temperature"}),
        ({"status": 400, "body": {"error": {"message": "no seed, temperature", "param": "seed"}}}, {"seed"}),
        ({"status": 422, "body": {"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}}, {"seed"}),
    ],
)
def test_a_parameter_that_the_server_does_not_know_is_left_out(
    chat_server: ChatServer, step: dict[str, Any], left_out: set[str]
) -> None:
    chat_server.script = [step, {"text": "yes"}]
    asked = model(chat_server)
    assert asked.complete(request()).text == "yes"
    asked.complete(request())
    first, second, third = chat_server.calls
    assert first.keys() - second.keys() == left_out
    assert third.keys() == second.keys(), "the refusal is remembered"


def test_a_server_that_refuses_all_the_same_is_asked_no_more(chat_server: ChatServer) -> None:
    chat_server.script = [refusal(400, "seed or temperature or something else")]
    with pytest.raises(RewardSynthError, match="refused the request"):
        model(chat_server).complete(request())
    assert len(chat_server.calls) == 2


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_web_page_is_no_answer(chat_server: ChatServer, kind: str) -> None:
    chat_server.script = [{"body": b"<!DOCTYPE html><p>welcome", "headers": {"Content-Type": kind}}]
    with pytest.raises(RewardSynthError, match="sent no answer but a web page") as caught:
        model(chat_server).complete(request())
    assert "does not speak the OpenAI protocol; check --base-url" in caught.value.hint
    assert len(chat_server.calls) == 1


def test_an_error_with_status_200_is_quoted(chat_server: ChatServer) -> None:
    chat_server.script = [{"body": {"error": f"Unexpected endpoint for {KEY}"}}]
    with pytest.raises(RewardSynthError, match="Unexpected endpoint") as caught:
        model(chat_server).complete(request())
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"status": 404, "body": b"404 page not found"}, "has no model openai/test-model: 404 page not found"),
        ({"status": 404, "body": b"<html>lost"}, "has no model openai/test-model: a web page with status 404"),
        (refusal(404, "model 'x' not found, try pulling it"), "model 'x' not found, try pulling it"),
        (refusal(400, "request (9) exceeds the available context size (8)"), "too long"),
        ({"status": 502, "body": b"<html>bad gateway"}, "the last one: a web page with status 502"),
    ],
)
def test_what_servers_say_is_told_in_words(chat_server: ChatServer, step: dict[str, Any], message: str) -> None:
    chat_server.script = [step]
    with pytest.raises(RewardSynthError) as caught:
        model(chat_server).complete(request())
    assert message in caught.value.message


def test_why_there_is_no_connection_is_told(chat_server: ChatServer) -> None:
    chat_server.close()
    with pytest.raises(RewardSynthError, match="Connection refused"):
        model(chat_server, patience=0.1).complete(request())


@pytest.mark.parametrize("address", ["localhost:8000", "http://", "http://localhost:abc", "ftp://example.org", ""])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(RewardSynthError, match="is no address"):
        open_model("m", base_url=address)


def test_a_name_is_needed(chat_server: ChatServer) -> None:
    for name in ("", "openai/"):
        with pytest.raises(RewardSynthError, match="name is empty"):
            open_model(name, base_url=chat_server.url)


# Keys -----------------------------------------------------------------------------------------------------------------


def test_no_key_but_the_servers_own_is_sent(chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    model(chat_server).complete(request())
    monkeypatch.setenv("REWARD_SYNTH_API_KEY", "my-own-server")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model(chat_server).complete(request())
    assert chat_server.keys == ["Bearer none", "Bearer my-own-server"]


@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500])
@pytest.mark.parametrize("key", [KEY, "entirely-ordinary-words"])
def test_no_error_holds_a_key(chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch, status: int, key: str) -> None:
    monkeypatch.setenv("REWARD_SYNTH_API_KEY", key)
    for body in (json.dumps({"error": {"message": f"bad {key}"}}), f"bad {key}", json.dumps([key])):
        chat_server.script = [{"status": status, "body": body.encode()}]
        with pytest.raises(RewardSynthError) as caught:
            model(chat_server).complete(request())
        assert key not in str(caught.value)
        assert "[key]" in str(caught.value)


@pytest.mark.parametrize("body", ["the prompt exceeds the context length of 10", '[{"detail": "context length: 10"}]'])
def test_a_refusal_in_another_form_than_openais_is_understood(chat_server: ChatServer, body: str) -> None:
    # Newer releases of openai keep such words out of the error's own text.
    chat_server.script = [{"status": 400, "body": body.encode()}]
    with pytest.raises(RewardSynthError, match="too long") as caught:
        model(chat_server).complete(request())
    assert "context length" in caught.value.message


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}…"])
def test_a_key_that_no_request_can_carry_is_told_and_not_shown(
    chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("REWARD_SYNTH_API_KEY", key)
    with pytest.raises(RewardSynthError, match="REWARD_SYNTH_API_KEY holds characters") as caught:
        model(chat_server)
    assert KEY not in str(caught.value)
