from __future__ import annotations

import io

import pytest

from reward_synth.display.plain import PlainDisplay
from reward_synth.events import model as events
from tests.display.cases import Clock, play, training


def test_plain_lines_tell_everything_with_the_time_left() -> None:
    clock, stream = Clock(), io.StringIO()
    play(PlainDisplay(stream, clock=clock), clock)
    text = stream.getvalue()
    for told in (
        "iteration 1 of 3",
        "rung 1 of 3 (10% of the steps): 001-a trained on; stopped 001-b",
        "$0.25 so far",
        "001-a rejected: bad [2Jcode",
        "warning: line 3: [dead-term] 'x' is 0",
        # 500 of 1000 steps took a minute since it was first heard of.
        "001-a seed 0: trained 50%, success 50%, fitness 2.5, about 1 min 00 s left",
        "001-a trained: success 50% [20%, 80%], fitness 2.5",
        "final 001-a seed 3: success 100%, fitness 2.5 in 41 s; 4 of 5 seeds, about 1 min 20 s left",
        "runs/x/feedback/001.request.json",
        "warning: careful",
        "Solved after 1 min 30 s of work, best reward 001-a: good",
    ):
        assert told in text
    assert "\x1b" not in text


def test_there_is_one_clock_which_counts_the_work_and_no_pause() -> None:
    clock, stream = Clock(), io.StringIO()
    display = PlainDisplay(stream, clock=clock)
    display(events.RunStarted(run_dir="runs/x", goal="hop"))
    clock.seconds += 3 * 3600
    display(events.RunStarted(run_dir="runs/x", goal="hop", seconds=100.0))
    clock.seconds += 20
    display(events.IterationStarted(number=2, total=2))
    clock.seconds += 5  # The report was written meanwhile.
    display(events.RunEnded(status="solved", seconds=121.0))
    told = stream.getvalue()
    assert "iteration 2 of 2  [2 min 00 s of work so far]" in told
    assert "Solved after 2 min 01 s of work" in told, "as run.json and `show` say"


@pytest.mark.parametrize("what", ["training", "answer"])
def test_plain_does_not_flood(what: str) -> None:
    clock, stream = Clock(), io.StringIO()
    display = PlainDisplay(stream, every=10, clock=clock)
    for step in range(400):
        clock.seconds += 0.25
        answer = events.AnswerProgressed(role="designer", answers=4, written=step, seconds=clock.seconds)
        display(training("001-a", 0, step, 400, None) if what == "training" else answer)
    assert 9 <= len(stream.getvalue().splitlines()) <= 11


def test_a_model_that_takes_minutes_says_what_it_does() -> None:
    clock, stream = Clock(), io.StringIO()
    display = PlainDisplay(stream, every=10, clock=clock)
    far: list[dict[str, int]] = [{}, {"read": 512, "prompt": 2400}, {"read": 2048, "prompt": 2400}, {"written": 90}]
    for number, each in enumerate(far):
        clock.seconds += 60
        display(events.AnswerProgressed(role="designer", answers=4, seconds=60.0 * number, **each))
    assert stream.getvalue().splitlines() == [
        "  designer: the model reads the prompt: 512 of 2,400 tokens after 1 min 00 s",
        "  designer: the model reads the prompt: 2,048 of 2,400 tokens after 2 min 00 s",
        "  designer: 90 tokens of 4 answers written after 3 min 00 s",
    ]
