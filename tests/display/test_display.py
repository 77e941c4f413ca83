from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from reward_synth.core.types import Candidate, EvaluationPoint, Finding, SeedScore
from reward_synth.display import Display, make_display
from reward_synth.display.json import JsonDisplay
from reward_synth.display.plain import PlainDisplay
from reward_synth.display.progress import RunProgress, dollars, duration, printable, result_text, sparkline
from reward_synth.display.rich import RichDisplay
from reward_synth.events import model as events

POINT = EvaluationPoint(step=500, success=0.5, success_any=1.0, fitness=2.5, episode_length=100, reward=1.0)
CANDIDATE = Candidate(id="001-a", iteration=1, status="trained", success=0.5, success_interval=(0.2, 0.8), fitness=2.5)

SCORE = SeedScore(
    index=3, seed=7, status="trained", success=1.0, fitness=2.5, solved=True, steps=1000, seconds=41.0, cpu_seconds=40.0
)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def play(display: Display, clock: Clock | None = None) -> None:
    display(events.RunStarted(run_dir="runs/20260101-0000-hop-abcd", goal="hop", task="gym/hop"))
    display(events.IterationStarted(number=1, total=3))
    display(events.StatusChanged(text="looking"))
    display(events.ModelAsked(role="designer", count=4))
    display(events.ModelCalled(role="designer", seconds=3.0, usd=0.25))
    rejected = CANDIDATE.model_copy(update={"status": "rejected", "reason": "bad \x1b[2Jcode"})
    finding = Finding(rule="dead-term", message="'x' is 0", line=3, severity="warning")
    display(events.CandidateChecked(candidate=rejected, findings=(finding,)))
    for step in (0, 250, 500):
        if clock is not None:
            clock.seconds += 30
        display(training("001-a", 0, step, 1000, POINT if step else None))
    display(events.RungDecided(number=1, rungs=3, share=0.1, kept=("001-a",), stopped=("001-b",)))
    display(events.CandidateTrained(candidate=CANDIDATE))
    display(training("001-a", 3, 250, 1000, None))
    display(events.SeedTrained(candidate="001-a", score=SCORE, done=4, total=5, seconds_left=80.0))
    display(events.BestChanged(candidate=CANDIDATE))
    display(events.IterationReflected(iteration=1, text="It *hops*.\n\n- more"))
    display(events.FeedbackAsked(iteration=1, request="runs/x/feedback/001.request.json"))
    display(events.Warned(text="careful"))
    with display.suspended():
        pass
    display(events.RunEnded(status="solved", best="001-a", reason="good"))
    display.close()
    display.close()


def training(
    candidate: str, seed: int, step: int, total: int, point: EvaluationPoint | None
) -> events.TrainingProgressed:
    return events.TrainingProgressed(candidate=candidate, seed=seed, step=step, total_steps=total, evaluation=point)


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
        "Solved after 1 min 30 s, best reward 001-a: good",
    ):
        assert told in text
    assert "\x1b" not in text


def test_plain_does_not_flood() -> None:
    clock, stream = Clock(), io.StringIO()
    display = PlainDisplay(stream, every=10, clock=clock)
    for step in range(400):
        clock.seconds += 0.25
        display(training("001-a", 0, step, 400, None))
    assert 9 <= len(stream.getvalue().splitlines()) <= 11


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
    console.print(display)
    text = stream.getvalue()
    for told in ("001-a", "25%", "fitness ▁", "success 50%", "001-b", "seed 1", "90%", "best so far 001-a"):
        assert told in text


def test_json_goes_to_stdout_and_nothing_else_does(capsys: pytest.CaptureFixture[str]) -> None:
    play(make_display("json"))
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert (lines[0]["event"], lines[-1]["event"]) == ("launch", "done")
    (final,) = [line for line in lines if line["event"] == "final"]
    assert (final["candidate"], final["index"], final["success"], final["done"], final["total"]) == (
        "001-a",
        3,
        1,
        4,
        5,
    )
    assert captured.err == ""
    for kind in ("plain", "rich", "none"):
        play(make_display(kind))
        assert capsys.readouterr().out == ""


def test_auto_is_plain_without_a_terminal() -> None:
    assert isinstance(make_display("auto"), PlainDisplay)
    assert isinstance(make_display("json"), JsonDisplay)


def test_time_left_counts_only_what_it_saw() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.training("001-a", 0, 500, 1000, None)
    assert progress.seconds_left() is None
    clock.seconds = 10
    progress.training("001-a", 0, 600, 1000, None)
    assert progress.seconds_left() == pytest.approx(40)
    progress.training("001-a", 0, 1100, 1000, None)
    assert progress.seconds_left() == 0
    progress.training("001-a", 1, 0, 1000, None)
    progress.end_training("001-a", 0)
    assert list(progress.trainings) == [("001-a", 1)]
    progress.end_training("001-a")
    assert progress.seconds_left() is None and not progress.trainings


def test_time_left_leaves_out_the_pause_between_rungs() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    for seconds, step in ((0, 0), (20, 100), (40, 200), (440, 200), (460, 300)):
        clock.seconds = seconds
        training = progress.training("001-a", 0, step, 1000, None)
    assert training.active == pytest.approx(60)
    assert progress.seconds_left() == pytest.approx(700 * 60 / 300)


def test_an_unknown_price_stays_unknown() -> None:
    progress = RunProgress()
    progress.call_done(0.5)
    progress.call_done(None)
    progress.call_done(0.5)
    assert progress.usd is None
    assert dollars(progress.usd) == "price unknown"


def test_words_for_figures() -> None:
    assert [duration(s) for s in (None, 41, 185, 4200)] == ["?", "41 s", "3 min 05 s", "1 h 10 min"]
    assert [dollars(usd) for usd in (0.0, 0.38, 0.0012)] == ["free", "$0.38", "$0.0012"]
    assert result_text(None, None) == "not trained"
    assert sparkline([0, 1, 2]) == "▁▅█"
    assert printable("a\x1b]0;x\x07b\nc\td\x9b") == "a]0;xb\nc\td"
