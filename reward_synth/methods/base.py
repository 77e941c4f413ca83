"""What a search method is: it proposes, it schedules, it reflects.

The loop asks a method what to design, whom to train, and what the next round is given. What no method may change stays
in :mod:`reward_synth.search.steps`: the lint, the sandbox, the task's own score, the frozen task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reward_synth.core.names import RoleName
from reward_synth.core.types import Candidate, CheckReport, Feedback, TrainResult
from reward_synth.llm.base import Message
from reward_synth.roles.analyzer import Analyzer
from reward_synth.roles.brief import Brief, Exchange
from reward_synth.roles.prompts import Prompts
from reward_synth.settings.model import Settings
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec


@dataclass(frozen=True)
class History:
    """All that a run has come to before a decision, read from the run folder: a resumed run decides as before."""

    store: RunStore
    task: TaskSpec
    settings: Settings
    table: FieldTable
    dt: float
    """Seconds of one step."""
    small: bool
    """True if the designer's model wants short prompts."""
    falls: bool
    """True if the environment ends failed episodes of aimless behaviour early."""
    unseen: tuple[str, ...]
    """Fields that the policy does not observe."""
    iteration: int
    """The one at hand, counted from 1."""
    candidates: tuple[Candidate, ...]
    """Every one so far, in order."""
    readings: Mapping[int, str]
    """What was reflected on each finished iteration."""
    answers: tuple[Feedback, ...]
    """What the person has said."""

    def of_iteration(self, number: int) -> tuple[Candidate, ...]:
        """The candidates of one iteration."""
        return tuple(each for each in self.candidates if each.iteration == number)

    def source(self, candidate: str) -> str:
        """A candidate's reward."""
        return self.store.read_reward(candidate)

    def summary(self, candidate: str) -> str:
        """What its trainings showed, in words; empty if it was not trained."""
        return self.store.read_summary(candidate, short=self.small)

    def findings(self, candidate: str) -> tuple[str, ...]:
        """Names of the rules that found something in its trainings."""
        data = self.store.read_summary_data(candidate) or {}
        return tuple(finding["rule"] for finding in data.get("findings", ()))

    def results(self, candidate: str) -> list[TrainResult]:
        """Its trainings, by seed."""
        found = (self.store.read_result(candidate, index) for index in range(self.settings.seeds))
        return [result for result in found if result is not None]


@dataclass(frozen=True)
class Proposals:
    """What the designer is asked for."""

    brief: Brief
    count: int
    """Rewards to draw."""
    parents: tuple[str, ...] = ()
    """Candidates that the designer is shown."""
    conversation: tuple[Message, ...] = ()
    """Turns that follow the first prompt: a conversation that goes on."""
    spread: bool = True
    """Give each sample a temperature and an emphasis of its own; else all are drawn alike."""
    screen: bool = True
    """Rank reference episodes by each reward before it trains, and reject what contradicts the task's fitness."""


@dataclass(frozen=True)
class Checked:
    """A candidate that passed lint and probe, and what was found in it."""

    candidate: Candidate
    report: CheckReport


@dataclass(frozen=True)
class Schedule:
    """Who trains, and how long."""

    order: tuple[str, ...]
    """Candidates, the first to train first."""
    rungs: tuple[float, ...] = (1.0,)
    """Shares of the budget after each of which the worst stop; the last is 1."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Candidates that are not trained, each with the reason in words."""


@dataclass(frozen=True)
class Reflection:
    """What the next round is given to read of this one."""

    text: str
    exchange: Exchange | None = None
    """The model call that it took, if it took one."""


@dataclass(frozen=True)
class Tools:
    """What a method may work with, besides a run's history."""

    settings: Settings
    analyzer: Analyzer | None
    """None for a method that does not ask it."""
    prompts: Prompts


class Method(Protocol):
    """A way to search. Its state lives in the run folder only; an object may keep nothing between calls."""

    name: str
    paper: str
    """Where it is published."""
    roles: tuple[RoleName, ...]
    """The roles that it asks beside the designer."""
    continues: bool
    """True if it may have a training go on that ended on the way up."""
    defaults: Mapping[str, Any]
    """Settings whose value is the method's where nobody gave one."""
    fixed: Mapping[str, tuple[Any, str]]
    """Settings that the method decides, each with its value and the reason: given by a person, they are refused."""

    def propose(self, history: History) -> Proposals:
        """What to ask the designer for in this iteration."""
        ...

    def unfinished(self, history: History) -> tuple[str, ...]:
        """Trained candidates whose training goes on, each as a candidate of its own beside the new ones."""
        ...

    def schedule(self, checked: Sequence[Checked]) -> Schedule:
        """Whom to train of the candidates that may be trained. Each stands in the order, or is skipped."""
        ...

    def reflect(self, history: History) -> Reflection:
        """What the iteration at hand has shown; its trainings are done, their summaries written."""
        ...
