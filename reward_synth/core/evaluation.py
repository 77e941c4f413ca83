"""The values of a final training: fresh policies that judge one reward after the search."""

from __future__ import annotations

from typing import Literal

from reward_synth.core.types import Value


class SeedScore(Value):
    """One fresh policy of a final training, judged by the task at the end of its budget."""

    index: int
    seed: int
    status: Literal["trained", "crashed"]
    """A crashed training counts as one that never succeeds; its fitness is unknown."""
    reason: str = ""
    success: float
    """Share of its episodes that succeeded, 0 to 1."""
    fitness: float | None
    solved: bool
    """True if its success reaches the task's threshold."""
    steps: int
    seconds: float
    """Wall time."""
    cpu_seconds: float


class Estimate(Value):
    """One figure over the seeds of a final training."""

    mean: float
    iqm: float | None = None
    """Interquartile mean of the seeds' figures (a quarter cut off at each end); None for fewer than 4 seeds."""
    interval: tuple[float, float] | None = None
    """95 % bootstrap interval of the mean; None for a single seed, or if all episodes have the same result."""


class Evaluation(Value):
    """A reward judged by policies trained on it from scratch, after the search; ``final/003-b/evaluation.json``."""

    candidate: str
    steps: int
    """Budget of each training in environment steps."""
    wanted: int
    """Number of seeds requested."""
    seeds: tuple[SeedScore, ...] = ()
    """The finished ones."""
    success: Estimate | None = None
    fitness: Estimate | None = None
    """Over the seeds that did not crash."""
    solved: float | None = None
    """Share of seeds that solve the task."""
    solved_interval: tuple[float, float] | None = None
    """95 % Wilson interval of that share."""
    total_steps: int = 0
    """Environment steps of all seeds together."""
    cpu_seconds: float = 0.0

    @property
    def done(self) -> bool:
        """True if all requested seeds are finished."""
        return len(self.seeds) >= self.wanted
