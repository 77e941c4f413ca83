"""The state of a run, gathered from its events, with an estimate of the time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reward_synth.core.number_format import total
from reward_synth.events import model as events

PAUSE = 60.0
"""After this many seconds without an event, a training is assumed to have paused for other rungs."""


@dataclass
class Training:
    """One policy being trained."""

    candidate: str
    seed: int
    total_steps: int
    heard: float
    """Clock time of its last event."""
    first_step: int
    """Its step at the first event: a resumed display must not count earlier steps as its own speed."""
    step: int
    fitness: list[float] = field(default_factory=list)
    success: float | None = None
    until: int | None = None
    """The step at which its rung ends, if it is in one."""
    active: float = 0.0
    """Seconds since its first event, without its pauses between rungs."""

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds left at the speed so far, to the end of its rung if it is in one; None until the speed is known."""
        done = self.step - self.first_step
        if done <= 0 or self.active <= 0:
            return None
        return max(0, (self.until or self.total_steps) - self.step) * self.active / done


class RunProgress:
    """The state that the terminal displays show. ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.started = clock()
        self.trainings: dict[tuple[str, int], Training] = {}
        self.usd: float | None = 0.0
        self.calls = 0

    @property
    def now(self) -> float:
        """The clock's reading."""
        return self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds of work on the run: its pauses, between a stop and a resume, are left out."""
        return self._clock() - self.started

    def hear(self, event: events.Event) -> None:
        """Take an event into account."""
        match event:
            case events.RunStarted():
                self.started = self.now - event.seconds
            case events.ModelCalled():
                self.calls += 1
                self.usd = total([self.usd, event.usd])  # An unknown price makes the sum unknown.
            case events.TrainingProgressed():
                self._training(event)
            case events.CandidateTrained():
                self.end_training(event.candidate.id)
            case events.SeedTrained():
                self.end_training(event.candidate, event.score.index)

    def _training(self, event: events.TrainingProgressed) -> None:
        """Update the progress of a training."""
        now = self.now
        first = Training(event.candidate, event.seed, event.total_steps, now, event.step, event.step)
        training = self.trainings.setdefault((event.candidate, event.seed), first)
        silent = now - training.heard
        # A running training sends several events a second, so a long silence is a pause.
        training.active += silent if silent < PAUSE else 0.0
        training.step, training.total_steps = event.step, event.total_steps
        training.until, training.heard = event.until, now
        if event.evaluation is not None:
            if not training.fitness or training.fitness[-1] != event.evaluation.fitness:
                training.fitness.append(event.evaluation.fitness)
            training.success = event.evaluation.success

    def end_training(self, candidate: str, seed: int | None = None) -> None:
        """Remove a finished training: one seed of a candidate, or all of its seeds for None."""
        for key in [key for key in self.trainings if key[0] == candidate and seed in (None, key[1])]:
            del self.trainings[key]

    def seconds_left(self) -> float | None:
        """Seconds until the current trainings are done; None while unknown."""
        left = [training.seconds_left for training in self.trainings.values()]
        known = [seconds for seconds in left if seconds is not None]
        return max(known) if known and len(known) == len(left) else None
