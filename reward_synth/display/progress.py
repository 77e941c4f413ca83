"""What a run has come to, gathered from the calls to a display, and the time it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reward_synth.types import EvaluationPoint

_BARS = "▁▂▃▄▅▆▇█"


@dataclass
class Training:
    """One policy being trained."""

    candidate: str
    seed: int
    total_steps: int
    started: float
    first_step: int
    """Where it stood when first heard of: a resumed display must not count those steps as its own speed."""
    step: int
    fitness: list[float] = field(default_factory=list)
    success: float | None = None

    @property
    def share(self) -> float:
        """Part done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    def seconds_left(self, now: float) -> float | None:
        """At the speed so far; None until there is one."""
        done, seconds = self.step - self.first_step, now - self.started
        if done <= 0 or seconds <= 0:
            return None
        return max(0, self.total_steps - self.step) * seconds / done


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

    def call_done(self, usd: float | None) -> None:
        """Count one model call; an unknown price makes the sum unknown."""
        self.calls += 1
        self.usd = None if self.usd is None or usd is None else self.usd + usd

    def training(
        self, candidate: str, seed: int, step: int, total_steps: int, evaluation: EvaluationPoint | None
    ) -> Training:
        """Note how far a training is."""
        key = (candidate, seed)
        if key not in self.trainings:
            self.trainings[key] = Training(candidate, seed, total_steps, self._clock(), step, step)
        training = self.trainings[key]
        training.step, training.total_steps = step, total_steps
        if evaluation is not None:
            if not training.fitness or training.fitness[-1] != evaluation.fitness:
                training.fitness.append(evaluation.fitness)
            training.success = evaluation.success
        return training

    def end_training(self, candidate: str) -> None:
        """All seeds of a candidate are done."""
        for key in [key for key in self.trainings if key[0] == candidate]:
            del self.trainings[key]

    def seconds_left(self) -> float | None:
        """Until the trainings under way are done; None while unknown."""
        left = [training.seconds_left(self._clock()) for training in self.trainings.values()]
        known = [seconds for seconds in left if seconds is not None]
        return max(known) if known and len(known) == len(left) else None


def printable(text: str) -> str:
    """The text without control characters but tab and line end.

    Models write much of what is shown; an escape sequence in it could rewrite the terminal's screen or title, and a
    change of direction could make code look like other code.
    """
    return "".join(c for c in text if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f" and c not in _TURNING))


_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def duration(seconds: float | None) -> str:
    """``41 s``, ``3 min 05 s``, ``1 h 10 min``; ``?`` for None."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def sparkline(values: list[float], width: int = 10) -> str:
    """The last ``width`` values as bars from their lowest to their highest."""
    shown = values[-width:]
    if not shown:
        return ""
    low, span = min(shown), max(shown) - min(shown)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in shown)


def dollars(usd: float | None) -> str:
    """``$0.38``, ``free`` for nothing, or that the price is unknown."""
    if usd is None:
        return "price unknown"
    return "free" if usd == 0 else f"${usd:.2f}" if usd >= 0.01 else f"${usd:.4f}"


def result_text(success: float | None, fitness: float | None, interval: tuple[float, float] | None = None) -> str:
    """``success 55 % [41, 68], fitness 3.1``; what is not known is left out."""
    parts = []
    if success is not None:
        between = f" [{interval[0]:.0%}, {interval[1]:.0%}]" if interval else ""
        parts.append(f"success {success:.0%}{between}")
    if fitness is not None:
        parts.append(f"fitness {fitness:.3g}")
    return ", ".join(parts) or "not trained"
