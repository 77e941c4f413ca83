"""What a run has come to, gathered from its events, and the time it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reward_synth.core.number_format import dollars as dollars
from reward_synth.core.number_format import duration as duration
from reward_synth.core.number_format import total
from reward_synth.core.types import Estimate, Evaluation, EvaluationPoint, SeedScore
from reward_synth.events import model as events

_BARS = "▁▂▃▄▅▆▇█"
PAUSE = 60.0
"""Seconds of silence after which a training is taken to have paused for others' rungs."""


@dataclass
class Training:
    """One policy being trained."""

    candidate: str
    seed: int
    total_steps: int
    heard: float
    """When it last told where it stands."""
    first_step: int
    """Where it stood when first heard of: a resumed display must not count those steps as its own speed."""
    step: int
    fitness: list[float] = field(default_factory=list)
    success: float | None = None
    active: float = 0.0
    """Seconds since it was first heard of, without its pauses between rungs."""

    @property
    def share(self) -> float:
        """Part done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None until there is one."""
        done = self.step - self.first_step
        if done <= 0 or self.active <= 0:
            return None
        return max(0, self.total_steps - self.step) * self.active / done


class RunProgress:
    """State that the terminal displays draw from. ``clock`` gives seconds, monotonic."""

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
        """Seconds since the display was made."""
        return self._clock() - self.started

    def hear(self, event: events.Event) -> None:
        """Take an event into account."""
        match event:
            case events.ModelCalled():
                self.call_done(event.usd)
            case events.TrainingProgressed():
                self.training(event.candidate, event.seed, event.step, event.total_steps, event.evaluation)
            case events.CandidateTrained():
                self.end_training(event.candidate.id)
            case events.SeedTrained():
                self.end_training(event.candidate, event.score.index)

    def call_done(self, usd: float | None) -> None:
        """Count one model call; an unknown price makes the sum unknown."""
        self.calls += 1
        self.usd = total([self.usd, usd])

    def training(
        self, candidate: str, seed: int, step: int, total_steps: int, evaluation: EvaluationPoint | None
    ) -> Training:
        """Note how far a training is."""
        key = (candidate, seed)
        if key not in self.trainings:
            self.trainings[key] = Training(candidate, seed, total_steps, self._clock(), step, step)
        training, now = self.trainings[key], self._clock()
        silent = now - training.heard
        # Trainings are heard of several times a second while they run.
        training.active += silent if silent < PAUSE else 0.0
        training.step, training.total_steps, training.heard = step, total_steps, now
        if evaluation is not None:
            if not training.fitness or training.fitness[-1] != evaluation.fitness:
                training.fitness.append(evaluation.fitness)
            training.success = evaluation.success
        return training

    def end_training(self, candidate: str, seed: int | None = None) -> None:
        """One seed of a candidate is done; all of them for None."""
        for key in [key for key in self.trainings if key[0] == candidate and seed in (None, key[1])]:
            del self.trainings[key]

    def seconds_left(self) -> float | None:
        """Until the trainings under way are done; None while unknown."""
        left = [training.seconds_left for training in self.trainings.values()]
        known = [seconds for seconds in left if seconds is not None]
        return max(known) if known and len(known) == len(left) else None


def printable(text: str) -> str:
    """The text without control characters but tab and line end.

    Models write much of what is shown; an escape sequence in it could rewrite the terminal's screen or title, and a
    change of direction could make code look like other code.
    """
    return "".join(c for c in text if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f" and c not in _TURNING))


_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def sparkline(values: list[float], width: int = 10) -> str:
    """The last ``width`` values as bars from their lowest to their highest."""
    shown = values[-width:]
    if not shown:
        return ""
    low, span = min(shown), max(shown) - min(shown)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in shown)


def result_text(success: float | None, fitness: float | None, interval: tuple[float, float] | None = None) -> str:
    """``success 55 % [41, 68], fitness 3.1``; what is not known is left out."""
    parts = []
    if success is not None:
        between = f" [{interval[0]:.0%}, {interval[1]:.0%}]" if interval else ""
        parts.append(f"success {success:.0%}{between}")
    if fitness is not None:
        parts.append(f"fitness {fitness:.3g}")
    return ", ".join(parts) or "not trained"


def final_text(candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> str:
    """``final 003-b seed 2: success 100%, fitness 3.1 in 41 s; 3 of 5 seeds, about 1 min 20 s left``."""
    crashed = score.status == "crashed"
    figures = f"crashed: {score.reason}" if crashed else result_text(score.success, score.fitness)
    left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
    return (
        f"final {candidate} seed {score.index}: {figures} in {duration(score.seconds)}; {done} of {total} seeds{left}"
    )


def evaluation_lines(evaluation: Evaluation, unit: str = "") -> list[str]:
    """A final training in a few lines: means with their intervals, seeds that solve, what it took."""
    done, crashed = len(evaluation.seeds), sum(score.status == "crashed" for score in evaluation.seeds)
    if not done:
        return [f"none of {evaluation.wanted} seeds is done"]
    missing = "" if evaluation.done else f" of {evaluation.wanted}"
    lines = [f"{done}{missing} fresh seeds, {evaluation.steps:,} steps each" + (f", {crashed} crashed" * bool(crashed))]
    if evaluation.success is not None:
        lines.append(f"success {_estimate_text(evaluation.success, '.0%')}")
    if evaluation.fitness is not None:
        lines.append(f"fitness {_estimate_text(evaluation.fitness, '.3g')} {unit}".rstrip())
    if evaluation.solved is not None and evaluation.solved_interval is not None:
        low, high = evaluation.solved_interval
        lines.append(f"solved by {round(evaluation.solved * done)} of {done} seeds [{low:.0%}, {high:.0%}]")
    lines.append(f"{evaluation.total_steps:,} steps, {duration(evaluation.cpu_seconds)} of processor time")
    return lines


def _estimate_text(estimate: Estimate, form: str) -> str:
    between = ""
    if estimate.interval is not None:
        between = f" [{estimate.interval[0]:{form}}, {estimate.interval[1]:{form}}]"
    middle = "" if estimate.iqm is None else f" (interquartile mean {estimate.iqm:{form}})"
    return f"{estimate.mean:{form}}{between}{middle}"
