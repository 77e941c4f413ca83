from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.events.model import StatusChanged
from reward_synth.llm.base import Message, Reply, Request
from reward_synth.store import RunStore


def test_costs_add_up_and_unknown_stays_unknown(store: RunStore) -> None:
    request = Request(messages=(Message(role="user", content="x"),), role="designer", candidate="001-a")
    reply = Reply(text="y", model="m", prompt_tokens=3, completion_tokens=4, usd=0.5, seconds=1.0)
    store.cost(request, reply)
    store.cost(request, reply)
    assert store.spent_usd() == 1.0
    store.cost(request, reply.model_copy(update={"usd": None}))
    assert store.spent_usd() is None
    line = store.costs()[0]
    assert (line.role, line.candidate, line.prompt_tokens) == ("designer", "001-a", 3)


def test_a_torn_line_loses_only_itself(store: RunStore) -> None:
    store.record(StatusChanged(text="first"))
    with store.events_path.open("a") as file:
        file.write('{"kind": "torn", "x": 1')
    store.record(StatusChanged(text="second"))
    assert [event["text"] for event in store.events()] == ["first", "second"]


def test_the_log_keeps_tracebacks(store: RunStore) -> None:
    with store.logging() as log:
        try:
            raise KeyError("lost")
        except KeyError:
            log.exception("it failed")
        log.info("an info line")
    log.info("after")
    text = store.log_path.read_text()
    assert "Traceback" in text
    assert "an info line" in text
    assert "after" not in text


@pytest.mark.parametrize("content", [b"", b'{"time": "2026-01', b'{"role": "designer"}\n'])
def test_lost_lines_of_costs_are_not_read_as_nothing_spent(store: RunStore, content: bytes) -> None:
    assert store.spent_usd() == 0.0
    store.costs_path.write_bytes(content)
    assert store.spent_usd() is None
    assert store.costs() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_log_for_which_there_is_no_room_hides_no_error(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.log_path = Path("/dev/full")
    with pytest.raises(RewardSynthError, match="the reason"), store.logging() as log:
        log.error("what ended the run")
        raise RewardSynthError("the reason")
    assert "Traceback" not in capsys.readouterr().err
