from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from reward_synth.core.types import Candidate
from reward_synth.events.bus import EventBus
from reward_synth.events.model import CandidateTrained, Event, StatusChanged, parse_event


def kinds() -> list[type]:
    return list(get_args(get_args(Event)[0]))


def test_each_event_has_a_kind_of_its_own() -> None:
    named = [event.model_fields["kind"].default for event in kinds()]
    assert len(set(named)) == len(named)


def test_an_event_is_read_back_from_its_record() -> None:
    event = CandidateTrained(candidate=Candidate(id="001-a", iteration=1, status="trained", success=0.5))
    record = {"time": "2026-01-01T00:00:00+00:00"} | event.model_dump(mode="json")
    assert parse_event(record) == event
    with pytest.raises(ValidationError):
        parse_event({"kind": "nothing of ours"})


def test_every_listener_hears_each_event_in_order() -> None:
    heard: list[tuple[str, object]] = []
    bus = EventBus(lambda event: heard.append(("first", event)), lambda event: heard.append(("second", event)))
    one, two = StatusChanged(text="one"), StatusChanged(text="two")
    bus.emit(one)
    bus.emit(two)
    assert heard == [("first", one), ("second", one), ("first", two), ("second", two)]
