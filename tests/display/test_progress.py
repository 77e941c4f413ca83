from __future__ import annotations

import pytest

from reward_synth.core.number_format import dollars, duration
from reward_synth.display.progress import RunProgress
from reward_synth.display.text import printable, result_text, sparkline
from reward_synth.events.model import ModelCalled, TrainingProgressed
from tests.display.cases import Clock


def progressed(step: int, seed: int = 0, until: int | None = None) -> TrainingProgressed:
    return TrainingProgressed(candidate="001-a", seed=seed, step=step, total_steps=1000, until=until)


def test_time_left_counts_only_what_it_saw() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.hear(progressed(500))
    assert progress.seconds_left() is None
    clock.seconds = 10
    progress.hear(progressed(600))
    assert progress.seconds_left() == pytest.approx(40)
    progress.hear(progressed(1100))
    assert progress.seconds_left() == 0
    progress.hear(progressed(0, seed=1))
    progress.end_training("001-a", 0)
    assert list(progress.trainings) == [("001-a", 1)]
    progress.end_training("001-a")
    assert progress.seconds_left() is None and not progress.trainings


def test_time_left_leaves_out_the_pause_between_rungs() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    for seconds, step in ((0, 0), (20, 100), (40, 200), (440, 200), (460, 300)):
        clock.seconds = seconds
        progress.hear(progressed(step))
    assert progress.trainings["001-a", 0].active == pytest.approx(60)
    assert progress.seconds_left() == pytest.approx(700 * 60 / 300)


def test_an_unknown_price_stays_unknown() -> None:
    progress = RunProgress()
    progress.hear(ModelCalled(role="designer", seconds=1.0, usd=0.5))
    progress.hear(ModelCalled(role="designer", seconds=1.0, usd=None))
    progress.hear(ModelCalled(role="designer", seconds=1.0, usd=0.5))
    assert progress.usd is None
    assert dollars(progress.usd) == "price unknown"


def test_words_for_figures() -> None:
    assert [duration(s) for s in (None, 41, 185, 4200)] == ["?", "41 s", "3 min 05 s", "1 h 10 min"]
    assert [dollars(usd) for usd in (0.0, 0.38, 0.0012)] == ["free", "$0.38", "$0.0012"]
    assert result_text(None, None) == "not trained"
    assert sparkline([0, 1, 2]) == "▁▅█"
    assert printable("a\x1b]0;x\x07b\nc\td\x9b") == "a]0;xb\nc\td"


def test_the_time_left_is_that_to_the_end_of_the_rung() -> None:
    clock = Clock()
    progress = RunProgress(clock)
    progress.hear(progressed(0, until=100))
    clock.seconds = 10.0
    progress.hear(progressed(50, until=100))
    assert progress.seconds_left() == pytest.approx(10.0), "not to a step that it may never reach"
    progress.hear(progressed(50))
    assert progress.seconds_left() == pytest.approx(190.0)
