from __future__ import annotations

import io

from rich.console import Console

from reward_synth.display.rich import RichDisplay
from reward_synth.events import model as events
from tests.display.cases import CANDIDATE, POINT, play, training


def test_the_live_screen_ends_with_the_same_facts() -> None:
    stream = io.StringIO()
    play(RichDisplay(Console(file=stream, force_terminal=True, width=100, color_system=None)))
    text = stream.getvalue()
    for told in (
        "rejected: bad [2Jcode",
        "[dead-term]",
        "success 50% [20%, 80%]",
        "4 of 5 seeds",
        "Solved after",
        "careful",
    ):
        assert told in text


def test_the_live_screen_shows_what_is_under_way() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=110, color_system=None)
    display = RichDisplay(console)
    display(training("001-a", 0, 250, 1000, POINT))
    display(training("001-b", 1, 900, 1000, None))
    display(events.BestChanged(candidate=CANDIDATE))
    display(events.AnswerProgressed(role="designer", answers=1, written=12, seconds=65.0))
    console.print(display)
    text = stream.getvalue()
    for told in (
        "001-a",
        "25%",
        "fitness ▁",
        "success 50%",
        "001-b",
        "seed 1",
        "90%",
        "best so far 001-a",
        "designer: 12 tokens written after 1 min 05 s",
    ):
        assert told in text
