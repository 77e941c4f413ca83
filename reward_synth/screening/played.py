"""A behaviour of a reward's case: an episode with what it is paid and how it was judged."""

from __future__ import annotations

from dataclasses import dataclass

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import EpisodeScore
from reward_synth.state.episode import Episode

PLANNED, EARLIER, BEST = "planned for the reward", "planned for an earlier reward", "planned for the fitness"
HELD = "success that is held"
"""Kinds of episodes that are not recorded. An expert stops at the goal: the last one is how it would stay."""


@dataclass(frozen=True)
class Played:
    """An episode with what it was paid per step, and how it was judged; ``score`` is None if nobody can play it."""

    kind: str
    episode: Episode
    pay: float
    terms: FloatArray
    score: EpisodeScore | None
    rewards: FloatArray
    """(T,), of each step."""

    @property
    def fitness(self) -> float:
        """The task's fitness; the episode must have been judged."""
        assert self.score is not None
        return self.score.fitness

    @property
    def per_step(self) -> FloatArray:
        """What each term pays in the mean of its own steps, so that a bonus for lasting is the same in all."""
        each = self.episode
        return self.terms * (each.horizon / each.length if each.terminated else 1.0)

    @property
    def succeeds(self) -> bool:
        """True if somebody can play it, and it reaches the goal by its end."""
        return self.score is not None and self.score.success

    @property
    def failed(self) -> bool:
        """True if the environment ended it, and not because the goal was reached."""
        return self.episode.terminated and not self.succeeds
