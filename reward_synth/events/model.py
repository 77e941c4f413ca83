"""The events of a run: frozen values that differ in ``kind``. A line of ``events.jsonl`` is one event and its time.

A new event needs a class here and its name in :data:`Event`. Journal, displays and viewer read the same values.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from reward_synth.core.evaluation import SeedScore
from reward_synth.core.number_format import duration, plural
from reward_synth.core.types import Candidate, EvaluationPoint, Finding, Value


class RunStarted(Value):
    """A run begins, or is resumed."""

    kind: Literal["started"] = "started"
    run_dir: str
    """Path of the run folder."""
    goal: str
    task: str = ""
    """Name of the task spec; empty if it is still to be drafted."""
    seconds: float = 0.0
    """That processes have worked on the run before."""


class IterationStarted(Value):
    """An iteration begins."""

    kind: Literal["iteration"] = "iteration"
    number: int
    """Counted from 1."""
    total: int


class StatusChanged(Value):
    """What is being done now, in a few words."""

    kind: Literal["status"] = "status"
    text: str


class Warned(Value):
    """Something that the person should know but that stops nothing."""

    kind: Literal["warning"] = "warning"
    text: str


class ModelAsked(Value):
    """Model calls of one role are under way."""

    kind: Literal["model-asked"] = "model-asked"
    role: str
    count: int
    timeout: float | None = None
    """Seconds that each call may take; None if there is no limit."""


class AnswerProgressed(Value):
    """A model that runs on this machine has got so far with its answers, which may take minutes."""

    kind: Literal["answer-progress"] = "answer-progress"
    role: str
    answers: int
    """That are being written side by side."""
    read: int | None = None
    """Tokens of the prompt that it has read; None while it does not say so, or once it writes."""
    prompt: int | None = None
    """Tokens of the prompt."""
    written: int = 0
    """Tokens of all these answers."""
    seconds: float
    """Since it was asked."""

    def __str__(self) -> str:
        after = duration(self.seconds)
        if self.written:
            of = f" of {self.answers} answers" if self.answers > 1 else ""
            return f"{self.role}: {plural(self.written, 'token')}{of} written after {after}"
        read = f": {self.read:,} of {self.prompt:,} tokens" if self.read is not None and self.prompt else ""
        return f"{self.role}: the model reads the prompt{read} after {after}"


class ModelCalled(Value):
    """One model call came back."""

    kind: Literal["model-called"] = "model-called"
    role: str
    candidate: str | None = None
    """The candidate that the call was about, if any."""
    seconds: float
    usd: float | None
    """None if the price is unknown."""


class CandidateChecked(Value):
    """A candidate was designed and checked, or rejected with its reason."""

    kind: Literal["designed"] = "designed"
    candidate: Candidate
    findings: tuple[Finding, ...] = ()
    """What lint, probe, screen and critic found in it."""


class TrainingProgressed(Value):
    """The training of one policy has reached ``step``. Listeners get several a second; the journal keeps one."""

    kind: Literal["training"] = "training"
    candidate: str
    seed: int
    """Index of the seed, counted from 0."""
    step: int
    total_steps: int
    until: int | None = None
    """The step at which it pauses for the end of its rung; None if it trains to its end."""
    evaluation: EvaluationPoint | None = None
    """The newest one; None before the first."""


class RungDecided(Value):
    """The trainings of a rung are done, and the worst candidates stop."""

    kind: Literal["rung"] = "rung"
    number: int
    """Counted from 1."""
    rungs: int
    share: float
    """Share of the budget trained so far, 0 to 1."""
    kept: tuple[str, ...]
    """Candidates that train on, the best first."""
    stopped: tuple[str, ...]

    def __str__(self) -> str:
        on = ", ".join(self.kept) or "none"
        return (
            f"rung {self.number} of {self.rungs} ({self.share:.0%} of the steps): {on} trained on; "
            f"stopped {', '.join(self.stopped) or 'none'}"
        )


class CandidateTrained(Value):
    """All seeds of a candidate are done, or crashed."""

    kind: Literal["trained"] = "trained"
    candidate: Candidate


class BestChanged(Value):
    """A candidate became the best so far."""

    kind: Literal["best"] = "best"
    candidate: Candidate


class RewardFailed(Value):
    """A reward could be trained, but it fails on episodes that its own policy plays."""

    kind: Literal["reward-failed-on-evaluation"] = "reward-failed-on-evaluation"
    candidate: str
    reason: str


class IterationReflected(Value):
    """What the method says to the next round about an iteration."""

    kind: Literal["reflected"] = "reflected"
    iteration: int
    text: str


class FeedbackAsked(Value):
    """A person's answer is awaited."""

    kind: Literal["feedback-asked"] = "feedback-asked"
    iteration: int
    request: str
    """The request's file."""


class FeedbackAnswered(Value):
    """A person has answered."""

    kind: Literal["feedback-answered"] = "feedback-answered"
    iteration: int
    action: str


class SeedTrained(Value):
    """One fresh seed of a final training is done."""

    kind: Literal["final-training"] = "final-training"
    candidate: str
    score: SeedScore
    done: int
    total: int
    seconds_left: float | None = None
    """None after the last."""


class RunEnded(Value):
    """The run ended: ``solved``, ``unsolved``, ``accepted``, ``stopped``, ``waiting`` or ``failed``."""

    kind: Literal["ended"] = "ended"
    status: str
    best: str | None = None
    reason: str = ""
    seconds: float | None = None
    """That processes have worked on the run in all; None in journals of earlier versions."""


Event = Annotated[
    RunStarted | IterationStarted | StatusChanged | Warned | ModelAsked | AnswerProgressed | ModelCalled
    | CandidateChecked
    | TrainingProgressed | RungDecided | CandidateTrained | BestChanged | RewardFailed | IterationReflected
    | FeedbackAsked | FeedbackAnswered | SeedTrained | RunEnded,
    Field(discriminator="kind"),
]  # fmt: skip

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def read_event(record: dict[str, Any]) -> tuple[float, Event] | None:
    """A journal record's time, in seconds since 1970, and its event; None if this version cannot read it."""
    try:
        return datetime.fromisoformat(record["time"]).timestamp(), parse_event(record)
    except (ValidationError, KeyError, TypeError, ValueError):
        return None  # A newer version wrote it, or somebody's hand.


def parse_event(record: dict[str, Any]) -> Event:
    """The event in a journal record; its ``time`` is left to the caller.

    :raises pydantic.ValidationError: this version knows no such event.
    """
    return _ADAPTER.validate_python({name: value for name, value in record.items() if name != "time"})
