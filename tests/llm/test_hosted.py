"""What holds for every model behind a server, asked through litellm or directly."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import Ledgered, Waiting
from reward_synth.llm.hosted import HostedModel
from reward_synth.llm.keys import key_for_server
from reward_synth.llm.litellm import LiteLLMModel
from reward_synth.llm.openai_server import OpenAIServerModel

from .conftest import ChatServer, refusal, request

KEY = "sk-secret0123456789abcdef"
Kind = type[LiteLLMModel] | type[OpenAIServerModel]


@pytest.fixture(params=[LiteLLMModel, OpenAIServerModel])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def model(kind: Kind, server: ChatServer, **changes: object) -> HostedModel:
    waiting = Waiting(**{"timeout": 60.0, "patience": 60.0} | changes)  # type: ignore[arg-type]
    return kind("openai/test-model", base_url=server.url, waiting=waiting, first_wait=0.02)


def test_an_answer_with_its_tokens_and_no_price(kind: Kind, chat_server: ChatServer) -> None:
    reply = model(kind, chat_server).complete(request("say hello", temperature=0.3, max_tokens=99, sample=4))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("hello", 7, 3)
    assert reply.usd is None, "the price at another server is unknown, not zero"
    assert reply.model == "openai/test-model"
    assert reply.seconds > 0
    sent = chat_server.calls[0]
    assert sent["messages"] == [{"role": "user", "content": "say hello"}]
    assert (sent["temperature"], sent["max_tokens"], sent["seed"]) == (0.3, 99, 4)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(kind: Kind, chat_server: ChatServer, status: int) -> None:
    chat_server.script = [refusal(status, "busy"), {"text": "at last"}]
    assert model(kind, chat_server).complete(request()).text == "at last"
    assert len(chat_server.calls) == 2


def test_retry_after_is_honoured(kind: Kind, chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=45), usegmt=True)
    chat_server.script = [refusal(429, "slow down", retry_after=text) for text in ("41", date)] + [{}]
    slept: list[float] = []
    monkeypatch.setattr(HostedModel, "_sleep", lambda _, deadline: slept.append(deadline.left))
    told: list[str] = []
    model(kind, chat_server, tell=told.append).complete(request())
    assert slept[0] == pytest.approx(41.0, abs=1.0)
    assert 0 < slept[1] <= 45.0, "a date counts like a number"
    assert "slow down; asked again in 41 s, given up in " in told[0]


def test_who_asks_for_more_time_than_there_is_patience_is_not_waited_for(kind: Kind, chat_server: ChatServer) -> None:
    chat_server.script = [refusal(429, "slow down", retry_after="3600")]
    with pytest.raises(RewardSynthError, match="it asks to wait 1 h 00 min, one call: slow down"):
        model(kind, chat_server).complete(request())
    assert len(chat_server.calls) == 1


def test_patience_is_counted_in_time_and_then_told(kind: Kind, chat_server: ChatServer) -> None:
    chat_server.script = [refusal(503, "overloaded")]
    with pytest.raises(RewardSynthError, match=r"patience of 1 s, \d+ calls; the last one: overloaded") as caught:
        model(kind, chat_server, patience=1.0).complete(request())
    assert len(chat_server.calls) > 2
    assert "resume" in caught.value.hint


def test_a_pause_of_this_process_takes_no_patience(
    kind: Kind, chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, monotonic = [0.0], time.monotonic
    monkeypatch.setattr("reward_synth.core.waiting.time.monotonic", lambda: monotonic() + clock[0])

    def stopped(_: dict[str, Any]) -> dict[str, Any]:
        clock[0] = 3600.0
        return refusal(503, "busy")

    chat_server.script = [stopped, {"text": "at last"}]
    assert model(kind, chat_server, patience=60.0).complete(request()).text == "at last"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (refusal(401, f"Incorrect API key provided: {KEY}"), "refused the key"),
        (refusal(403, "not for you"), "refused the key"),
        (refusal(404, "The model `test-model` does not exist", "model_not_found"), "no model"),
        (refusal(400, "maximum context length is 10 tokens", "context_length_exceeded"), "too long"),
        (refusal(400, "no such parameter"), "refused the request"),
        (
            refusal(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
                "insufficient_quota",
            ),
            "no credit",
        ),
    ],
)
def test_what_will_not_pass_ends_at_once(kind: Kind, chat_server: ChatServer, step: dict, message: str) -> None:
    chat_server.script = [step]
    with pytest.raises(RewardSynthError, match=message) as caught:
        model(kind, chat_server).complete(request())
    assert len(chat_server.calls) == 1
    assert caught.value.hint
    assert KEY not in str(caught.value)


def test_a_server_that_hangs_is_left(kind: Kind, chat_server: ChatServer) -> None:
    # The first call is answered after the second one only.
    chat_server.script = [{"answered": 1}, {"text": "awake"}]
    lost: list[tuple[str, float]] = []
    waiting = {"timeout": 1.0, "given_up": lambda asked, reply: lost.append((asked.role, reply.seconds))}
    assert model(kind, chat_server, **waiting).complete(request()).text == "awake"
    assert lost == [("designer", 1.0)]


def test_a_server_that_answers_byte_by_byte_is_left(kind: Kind, chat_server: ChatServer) -> None:
    # Each byte would begin the client's own timeout anew.
    chat_server.script = [{"drip": 0.2}]
    with pytest.raises(RewardSynthError, match="no answer"):
        model(kind, chat_server, timeout=1.0, patience=1.0).complete(request())
    assert len(chat_server.calls) == 1


def test_a_server_that_is_not_there(kind: Kind, chat_server: ChatServer) -> None:
    chat_server.close()
    lost: list[object] = []
    with pytest.raises(RewardSynthError, match="no answer"):
        model(kind, chat_server, patience=0.5, given_up=lambda *given: lost.append(given)).complete(request())
    assert not lost, "nothing was sent"


def chunk(delta: object, finish_reason: str | None = None, **others: object) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices} | others
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


STREAM = chunk({"role": "assistant", "content": ""}) + chunk({"content": "a\u2028"}) + chunk({"content": "b"})
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("body", "text", "ending", "tokens"),
    [
        (STREAM + chunk({}, "stop") + chunk({}, choices=[], usage=USAGE) + DONE, "a\u2028b", "whole", 3),
        (b": ping\r\n\r\n" + (STREAM + chunk({}, "length")).replace(b"\n", b"\r\n"), "a\u2028b", "cut off", None),
        (STREAM + DONE, "a\u2028b", "whole", None),
        (STREAM + b'data: {"choi', "a\u2028b", "cut off", None),
        (chunk({"content": [{"type": "text", "text": "in parts"}]}, "stop", usage=USAGE), "in parts", "whole", 3),
        (chunk(None, choices=[{"message": {"content": "at once"}, "finish_reason": "stop"}]), "at once", "whole", None),
        (chunk({"reasoning_content": "hm", "content": None}) + chunk({"content": "so"}, "stop"), "so", "whole", None),
    ],
)  # fmt: skip
def test_a_stream_that_nobody_asked_for_is_read_as_the_answer(
    kind: Kind, chat_server: ChatServer, body: bytes, text: str, ending: str, tokens: int | None
) -> None:
    chat_server.script = [{"body": body, "headers": {"Content-Type": "text/event-stream"}}]
    reply = model(kind, chat_server).complete(request())
    assert (reply.text, reply.ending) == (text, ending)
    assert reply.completion_tokens == tokens or (tokens is None and not reply.completion_tokens)
    assert len(chat_server.calls) == 1


def test_a_stream_of_no_answer_is_told_and_paid_once(kind: Kind, chat_server: ChatServer) -> None:
    body = b'event: error\ndata: {"error": {"message": "overloaded by far"}}\n\n'
    chat_server.script = [{"body": body, "headers": {"Content-Type": "text/event-stream"}}]
    with pytest.raises(RewardSynthError):
        model(kind, chat_server).complete(request())
    assert len(chat_server.calls) == 1


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b'{"choices": []}', b"{}", b""])
def test_a_body_that_is_no_answer(kind: Kind, chat_server: ChatServer, body: bytes) -> None:
    chat_server.script = [{"body": body}]
    with pytest.raises(RewardSynthError):
        model(kind, chat_server).complete(request())
    assert len(chat_server.calls) == 1


def test_many_run_side_by_side_in_order(kind: Kind, chat_server: ChatServer) -> None:
    # None is answered before all are asked.
    chat_server.script = [{"text": "<echo>", "asked": 6}]
    replies = model(kind, chat_server).complete_many([request(f"number {index}") for index in range(6)])
    assert [reply.text for reply in replies] == [f"number {index}" for index in range(6)]


def test_answers_beside_a_failure_are_still_booked(kind: Kind, chat_server: ChatServer) -> None:
    chat_server.script = [{"answered": 1}, {"answered": 1}, refusal(401, "bad key")]
    booked: list[str] = []
    ledgered = Ledgered(model(kind, chat_server), lambda _, reply: booked.append(reply.text))
    with pytest.raises(RewardSynthError, match="refused the key"):
        ledgered.complete_many([request(str(index)) for index in range(3)])
    assert len(booked) == 2


def test_keys_go_to_this_machine_or_over_https_only(kind: Kind, chat_server: ChatServer, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model(kind, chat_server).complete(request())
    assert chat_server.keys == [f"Bearer {KEY}"]
    assert key_for_server("https://example.org/v1", "openai") == KEY
    assert key_for_server("http://example.org/v1", "openai") == "none"
    monkeypatch.setenv("REWARD_SYNTH_API_KEY", "my-own-server")
    assert key_for_server("http://example.org/v1", "openai") == "my-own-server"
