"""What a person is asked after an iteration, and what they answer."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from reward_synth.core.types import Status, Value


class FeedbackCandidate(Value):
    """One candidate in a question to a person."""

    id: str
    status: Status
    reason: str = ""
    success: float | None = None
    fitness: float | None = None
    reward: str
    """Path of its reward file."""
    folder: str = ""
    """Path of the candidate's folder; empty in requests of earlier versions."""
    film: str = ""
    """Path of the film of its median episode, which may still be being made; empty if there will be none."""


class FeedbackRequest(Value):
    """A question to a person after an iteration; ``feedback/003.request.json``."""

    iteration: int
    goal: str = ""
    question: str = "What do you think?"
    fitness_unit: str = ""
    analysis: str = ""
    answer: str = ""
    """Path of the file in which an answer may be given instead; empty in requests of earlier versions."""
    candidates: tuple[FeedbackCandidate, ...] = ()


class PairAnswer(Value):
    """A person's answer to two episodes that were shown side by side, without their figures."""

    first: str
    """Id of an episode, ``001-c/seed-0-episode-003`` or ``reference/007``."""
    second: str
    answer: Literal["first", "second", "same", "cannot tell"]
    """The better one; ``same`` says that both are as good, ``cannot tell`` says nothing."""

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.first == self.second:
            raise ValueError("an episode cannot be compared with itself")
        return self


class Moment(Value):
    """A remark on one moment of a film."""

    candidate: str | None = None
    """None for a reference episode."""
    episode: str
    """Id of the episode."""
    second: float = Field(ge=0.0, allow_inf_nan=False)
    """Simulated seconds since the episode's start."""
    note: str


class Feedback(Value):
    """A person's answer in one round; ``feedback/003.answer.json``."""

    iteration: int
    prefer: str | None = None
    note: str = ""
    """The person's words; they enter the next prompt verbatim."""
    edited: str | None = None
    """Source of a reward that the person wrote or changed; becomes a candidate of its own."""
    edited_from: str | None = None
    order: tuple[tuple[str, ...], ...] | None = None
    """Episodes by rank, best first. Those of one rank were not compared with each other. An empty one withdraws an
    earlier order; None says nothing."""
    pairs: tuple[PairAnswer, ...] = ()
    moments: tuple[Moment, ...] = ()
    action: Literal["continue", "accept", "skip", "stop"] = "continue"
    """``accept`` ends the run with ``prefer`` as its best reward; ``stop`` pauses the run."""

    @field_validator("order")
    @classmethod
    def _one_rank_each(cls, order: tuple[tuple[str, ...], ...] | None) -> tuple[tuple[str, ...], ...] | None:
        names = [name for rank in order or () for name in rank]
        if len(set(names)) < len(names):
            raise ValueError(f"the episode {max(names, key=names.count)} stands in two places")
        return order

    @property
    def episodes(self) -> tuple[str, ...]:
        """Ids of all episodes that it names."""
        named = [name for rank in self.order or () for name in rank]
        named += [name for pair in self.pairs for name in (pair.first, pair.second)]
        return tuple(dict.fromkeys([*named, *(moment.episode for moment in self.moments)]))
