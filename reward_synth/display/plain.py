"""A line for each thing that happens: for logs, pipes and screen readers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from io import TextIOBase
from typing import TextIO

from reward_synth.core.number_format import dollars, duration
from reward_synth.display.base import Display
from reward_synth.display.progress import RunProgress
from reward_synth.display.text import longest, printable, result_text
from reward_synth.display.wording import lines_of
from reward_synth.events import model as events


class PlainDisplay(Display):
    """Lines on stderr. A training, or a model that writes, reports in one line at most every ``every`` seconds."""

    def __init__(
        self,
        stream: TextIO | TextIOBase | None = None,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._every = every
        self._progress = RunProgress(clock)
        self._reported: dict[object, float] = {}

    def __call__(self, event: events.Event) -> None:
        """Write the event's lines."""
        self._progress.hear(event)
        for text in self._lines(event):
            # stderr is looked up at each call, because tests and people redirect it.
            print(printable(text), file=self._stream or sys.stderr, flush=True)

    def _lines(self, event: events.Event) -> Iterator[str]:
        match event:
            case events.IterationStarted():
                so_far = duration(self._progress.elapsed)
                yield from (f"{line.text}  [{so_far} of work so far]" for line in lines_of(event, 0.0))
            case events.StatusChanged():
                yield f"  {event.text}"
            case events.RungDecided():
                yield f"  {event}"
            case events.ModelAsked():
                answers = f" for {event.count} answers" if event.count > 1 else ""
                yield f"  {event.role}: asking the model{answers}{longest(event.timeout)}"
            case events.ModelCalled():
                spent = f", {dollars(self._progress.usd)} so far" if event.usd != 0 else ""
                yield f"  {event.role}: answered after {duration(event.seconds)}{spent}"
            case events.AnswerProgressed():
                if self._is_due(event.role):
                    yield f"  {event}"
            case events.TrainingProgressed():
                yield from self._training(event)
            case events.IterationReflected():
                yield f"  analysis of iteration {event.iteration}:"
                yield from (f"    {line}".rstrip() for line in event.text.strip().splitlines())
            case events.BestChanged():
                best = event.candidate
                yield f"  best so far {best.id}: {result_text(best.success, best.fitness)}"
            case _:
                yield from (line.text for line in lines_of(event, self._progress.elapsed))

    def _is_due(self, key: object) -> bool:
        """True if nothing was said of a thing for long; the first time, after half that time."""
        now = self._progress.now
        if now - self._reported.setdefault(key, now - self._every / 2) < self._every:
            return False
        self._reported[key] = now
        return True

    def _training(self, event: events.TrainingProgressed) -> Iterator[str]:
        """From time to time, a line with the part done and the time left."""
        key = event.candidate, event.seed
        if not self._is_due(key):
            return
        training, point = self._progress.trainings[key], event.evaluation
        figures = f", {result_text(point.success, point.fitness)}" if point else ""
        left = training.seconds_left
        end = "to the end of its rung" if training.until else "left"
        remaining = f", about {duration(left)} {end}" if left is not None else ""
        yield f"  {event.candidate} seed {event.seed}: trained {training.share:.0%}{figures}{remaining}"
