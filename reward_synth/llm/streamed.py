"""Answers that a server streams although no stream was asked for, as some proxies always do: read as whole ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reward_synth.llm.hosted import joined

if TYPE_CHECKING:
    import httpx
    import openai

_BEGINNINGS = ("data:", "event:", "id:", ":")
"""A line of an event stream. No JSON begins like that."""
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def open_client(key: str, base_url: str) -> openai.OpenAI:
    """A client that asks once, since we retry ourselves, and reads a stream as the whole answer."""
    import openai

    http = openai.DefaultHttpxClient(event_hooks={"response": [_read_whole]})
    return openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=http)


def _read_whole(response: httpx.Response) -> None:
    if not response.is_success:
        return
    text = response.read().decode("utf-8", errors="replace")
    whole = joined_events(text) if text.lstrip("\ufeff\r\n ").startswith(_BEGINNINGS) else None
    if whole is not None:
        response.headers["content-type"] = "application/json"
        response._content = json.dumps(whole).encode()


def joined_events(text: str) -> dict[str, Any] | None:
    """The answer that a stream of events makes; the last event if none is a part of an answer, None without events.

    A stream that ends before it says so was cut off.
    """
    events = list(_events(text))
    parts = [event for event in events if _choice(event)]
    if not parts:
        return events[-1] if events else None
    deltas = [_dict(choice.get("delta")) or _dict(choice.get("message")) for choice in map(_choice, parts)]
    message: dict[str, Any] = {"role": "assistant"}
    for name in _TEXTS:
        pieces = [joined(delta[name]) for delta in deltas if delta.get(name)]
        message[name] = "".join(pieces) if pieces else None
    reasons = [reason for reason in (_choice(part).get("finish_reason") for part in parts) if reason]
    ended = reasons[-1] if reasons else "stop" if "[DONE]" in text.rstrip()[-9:] else "length"
    usages = [event["usage"] for event in events if isinstance(event.get("usage"), dict)]
    about = {name: parts[0].get(name) for name in ("id", "created", "model")}
    choice = {"index": 0, "finish_reason": ended, "message": message}
    return about | {"object": "chat.completion", "choices": [choice], "usage": usages[-1] if usages else None}


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in re.split(r"\r\n|\r|\n", text):  # not `splitlines`: other ends of lines may stand in an answer
        if line.startswith("data:"):
            try:
                event = json.loads(line.removeprefix("data:"))
            except (ValueError, RecursionError):  # the word that ends the stream, or a line that was cut in two
                continue
            if isinstance(event, dict):
                yield event


def _choice(event: dict[str, Any]) -> dict[str, Any]:
    """The part of the first answer that an event holds; empty if it holds none."""
    choices = event.get("choices")
    found = [_dict(each) for each in choices] if isinstance(choices, list) else []
    return next((each for each in found if each and not each.get("index")), {})


def _dict(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
