from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from reward_synth.api.run import Run
from reward_synth.events import model as events
from reward_synth.store.manifest import now
from reward_synth.viewer import stream
from reward_synth.viewer.pages.run import _events
from reward_synth.viewer.stream import Teller, event_stream
from tests.viewer.conftest import POINTS, progress


async def following(source: AsyncIterator[str]) -> tuple[int, list[dict[str, Any]]]:
    """The id and the events of the next message."""
    text = await asyncio.wait_for(anext(source), 20)
    first, second, *_ = text.split("\n")
    return int(first.removeprefix("id: ")), json.loads(second.removeprefix("data: "))


def test_a_browser_gets_what_was_and_what_comes_and_goes_on_after_a_break(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.01)

    async def watch() -> None:
        source = event_stream(run.store, 0)
        offset, told = await following(source)
        assert [each["kind"] for each in told] == ["started", "trained", "ended"]
        assert told[-1]["lines"][0].startswith("Solved after ")
        run.store.record(progress("003-a", POINTS[0]))
        _, told = await following(source)
        assert told[0]["progress"]["point"]["step"] == 1000
        run.store.record(events.Warned(text="careful"))
        again = event_stream(run.store, offset)
        _, told = await following(again)
        assert [each["kind"] for each in told] == ["training", "warning"], "nothing is lost, nothing comes twice"

    asyncio.run(watch())


def test_a_journal_that_was_begun_anew_is_read_from_its_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.01)
    offset, _ = asyncio.run(following(event_stream(run.store, 10**9)))
    assert offset == run.store.events_path.stat().st_size


def test_times_are_those_of_the_journal_and_unknown_events_stop_nothing(run: Run) -> None:
    teller = Teller(1_000.0)
    iteration = {"kind": "iteration", "time": "1970-01-01T00:17:40+00:00", "number": 1, "total": 2}
    told = teller.tell_all([{"kind": "from the future", "time": "x"}, iteration])
    assert told[0].lines == ()
    assert told[1].lines == ("iteration 1 of 2  [1 min 00 s of work so far]",)


def test_what_a_model_does_is_told_but_not_kept_among_the_events(run: Run) -> None:
    far = [events.AnswerProgressed(role="critic", answers=1, written=n, seconds=n) for n in (5, 10)]
    for each in far:
        run.store.record(each)
    told = Teller(0.0).tell_all(run.store.events())[-2:]
    assert [each.lines for each in told] == [(f"  {each}",) for each in far] and all(each.passing for each in told)
    shown, _ = _events(run.store)
    assert [each.kind for each in shown].count("answer-progress") == 1, "the last one alone: it is what is done now"


def test_a_page_opened_in_a_resumed_run_counts_no_pause(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.01)
    run.store.update(working_since=now(), seconds=120.0, created=now() - timedelta(days=1))
    offset = run.store.events_path.stat().st_size
    run.store.record(events.IterationStarted(number=2, total=2))
    _, told = asyncio.run(following(event_stream(run.store, offset)))
    assert told[0]["lines"][0].startswith("iteration 2 of 2  [2 min 0")
