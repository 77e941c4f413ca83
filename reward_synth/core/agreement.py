"""How well figures agree with a person's order of episodes: one coefficient, and those of a whole run."""

from __future__ import annotations

from pydantic import Field

from reward_synth.core.number_format import plural
from reward_synth.core.types import Value


class Agreement(Value):
    """How well figures of episodes agree with a person's order of them; see :mod:`reward_synth.preferences`."""

    value: float
    """Trajectory alignment coefficient, from -1 (the person's order turned round) to 1 (the same order)."""
    interval: tuple[float, float] | None = None
    """95 % bootstrap interval over the episodes; None if there are too few."""
    pairs: int
    """Pairs of episodes that it was computed from."""
    left_out: int = 0
    """Pairs that the person compared and that no figure of a whole episode can: one of the two was cut short."""

    def as_text(self) -> str:
        """``+0.62 (+0.31 to +0.83, 214 pairs)``."""
        low_high = f"{self.interval[0]:+.2f} to {self.interval[1]:+.2f}, " if self.interval else ""
        without = f"; {plural(self.left_out, 'pair')} left out, with a recording cut short" if self.left_out else ""
        return f"{self.value:+.2f} ({low_high}{plural(self.pairs, 'pair')}{without})"


class Agreements(Value):
    """How well a run's trained rewards and its frozen measure agree with the person; ``agreements.json``."""

    judged: str
    """Digest of what the person had said of recorded episodes when it was computed."""
    candidates: dict[str, Agreement | None] = Field(default_factory=dict)
    """By the candidate's id; None if its reward pays all compared episodes alike, or fails on one."""
    fitness: Agreement | None = None
    """Of the task's fitness; None if it is the same in all compared episodes."""
    success: Agreement | None = None

    @property
    def values(self) -> dict[str, float]:
        """The coefficient of each candidate that has one."""
        return {name: found.value for name, found in self.candidates.items() if found is not None}

    @property
    def measure_text(self) -> str:
        """How far the frozen measure agrees with the person, in a sentence without its end."""
        told = ", ".join(f"{name} {found.as_text()}" for name, found in self._measure) or "nothing to compare"
        return f"agreement of the task's measure with the person, over whole episodes: {told}"

    @property
    def warning(self) -> str:
        """What to say if fitness or success contradicts the person; empty if neither does."""
        against = " and ".join(f"{name} {found.as_text()}" for name, found in self._measure if found.value < 0.0)
        if not against:
            return ""
        return (
            f"the task's measure ranks recorded episodes against the person's order, {against}: the frozen measure "
            "may be wrong"
        )

    @property
    def _measure(self) -> list[tuple[str, Agreement]]:
        parts = (("fitness", self.fitness), ("success", self.success))
        return [(name, found) for name, found in parts if found is not None]
