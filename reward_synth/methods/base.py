"""The protocol of a search method: it proposes, schedules and reflects.

The loop asks a method which rewards to design, which to train, and what to give to the next round. No method can
change what stays in :mod:`reward_synth.search.steps`: the lint, the sandbox, the task's own score, the frozen task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reward_synth.core.feedback import Feedback
from reward_synth.core.names import RoleName
from reward_synth.core.types import Candidate, CheckReport, TrainResult
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
    """All that a run knows before a decision, read from the run folder, so that a resumed run decides as before."""

    store: RunStore
    task: TaskSpec
    settings: Settings
    table: FieldTable
    dt: float
    """Simulated seconds per step."""
    small: bool
    """True if the designer's model wants short prompts."""
    falls: bool
    """True if the environment ends failed episodes of aimless behaviour (at rest or random) early."""
    unseen: tuple[str, ...]
    """Fields that the policy does not observe."""
    seen: str
    """What the fields were over aimless episodes, one line per field."""
    iteration: int
    """The present iteration, counted from 1."""
    candidates: tuple[Candidate, ...]
    """All candidates so far, in order."""
    readings: Mapping[int, str]
    """The reflection on each finished iteration, by its number."""
    answers: tuple[Feedback, ...]
    """The person's answers."""
    agreed: Mapping[str, float] = field(default_factory=dict)
    """How well the candidates' rewards agree with the person, if the person selects; see ``--select``."""

    def of_iteration(self, number: int) -> tuple[Candidate, ...]:
        """The candidates of one iteration."""
        return tuple(each for each in self.candidates if each.iteration == number)

    def source(self, candidate: str) -> str:
        """The source of a candidate's reward."""
        return self.store.read_reward(candidate)

    def summary(self, candidate: str) -> str:
        """The summary of a candidate's trainings, as text; empty if it was not trained."""
        return self.store.read_summary(candidate, short=self.small)

    def findings(self, candidate: str) -> tuple[str, ...]:
        """Names of the rules that found something in a candidate's trainings."""
        return tuple(finding.rule for finding in self.store.training_findings(candidate))

    def results(self, candidate: str) -> list[TrainResult]:
        """The results of a candidate's trainings, by seed."""
        found = (self.store.read_result(candidate, index) for index in range(self.settings.seeds))
        return [result for result in found if result is not None]


@dataclass(frozen=True)
class Proposals:
    """The request to the designer."""

    brief: Brief
    count: int
    """Number of rewards to sample."""
    parents: tuple[str, ...] = ()
    """Candidates that the designer is shown."""
    conversation: tuple[Message, ...] = ()
    """Turns that follow the first prompt, if a conversation is continued."""
    spread: bool = True
    """Give each sample its own temperature and emphasis; otherwise all samples use the same."""
    screen: bool = True
    """Rank reference episodes by each reward before training, and reject a reward that contradicts the fitness."""


@dataclass(frozen=True)
class Checked:
    """A candidate that passed lint and probe, with its check report."""

    candidate: Candidate
    report: CheckReport


@dataclass(frozen=True)
class Schedule:
    """Which candidates train, and for how long."""

    order: tuple[str, ...]
    """Candidates in the order of training."""
    rungs: tuple[float, ...] = (1.0,)
    """Shares of the budget; after each, the worst candidates stop. The last share is 1."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Candidates that are not trained, each with the reason in words."""


@dataclass(frozen=True)
class Reflection:
    """What the next round reads about this one."""

    text: str
    exchange: Exchange | None = None
    """The model call that wrote it, if any."""


@dataclass(frozen=True)
class Tools:
    """What a method may use besides a run's history."""

    settings: Settings
    analyzer: Analyzer | None
    """None if the method does not use it."""
    prompts: Prompts


class Method(Protocol):
    """A way to search. Its state lives in the run folder only; an object may keep nothing between calls."""

    name: str
    paper: str
    """The paper that describes it."""
    roles: tuple[RoleName, ...]
    """The roles that it asks besides the designer."""
    trains_more: int
    """How many rewards it may train at once after the last iteration, on or again; 0 if it never does."""
    defaults: Mapping[str, Any]
    """The method's own defaults for settings that nobody gave."""
    fixed: Mapping[str, tuple[Any, str]]
    """Settings that the method fixes, each with value and reason. Another value from the person is refused."""

    def propose(self, history: History) -> Proposals:
        """Decide what to ask the designer for in this iteration."""
        ...

    def unfinished(self, history: History) -> tuple[str, ...]:
        """Name the trained candidates to continue. Each becomes a new candidate beside the new rewards."""
        ...

    def again(self, history: History) -> tuple[str, ...]:
        """Name the trained candidates whose rewards train again with another seed, where none is unfinished and no
        iteration is left. Each becomes a new candidate."""
        ...

    def schedule(self, checked: Sequence[Checked]) -> Schedule:
        """Decide which of the checked candidates train. Each must be in the order or among the skipped."""
        ...

    def reflect(self, history: History) -> Reflection:
        """Reflect on the present iteration, whose trainings are done and whose summaries are written."""
        ...
