"""The values that the parts of the program exchange. All are frozen; their methods only derive small facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from reward_synth.core.names import RoleName, role_name
from reward_synth.core.number_format import number, plural


class Value(BaseModel):
    """Base of everything here: immutable, and strict about field names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Severity = Literal["error", "warning"]
Source = Literal["lint", "probe", "screen", "designer", "critic", "training", "audit"]
Verdict = Literal["found", "not found", "not enough data", "not applicable", "could not run"]
"""The answer of a rule. The last three are reported too, since a missing answer would look like a clean reward."""
Status = Literal["designed", "rejected", "trained", "crashed", "stopped"]
AnyRoleName = Annotated[RoleName, BeforeValidator(role_name)]
"""A role's name; the names of earlier versions are accepted and replaced."""
SPARSE_PREFIX = "sparse"
"""With the scale ``sign``, terms whose names begin with this measure the goal itself; the others are hints."""


class Finding(Value):
    """One fault of a reward, described so that a model or a person can fix it."""

    rule: str
    """Short name as models and people see it, for example ``unknown-field`` or ``dead-term``."""
    message: str
    """What is wrong; it names the values seen."""
    fix: str = ""
    line: int | None = None
    """Line in ``reward.py``, counted from 1; None if no single line is at fault."""
    severity: Severity = "error"
    """An error keeps the reward from being trained; a warning is shown to the model and the person."""
    source: Source = "lint"
    """Which check found it. :meth:`Rule.finding <reward_synth.core.rules.Rule.finding>` makes all but the critic's."""

    @field_validator("source", mode="before")
    @classmethod
    def _renamed(cls, source: Any) -> Any:
        """Older run folders call the source of training rules ``analysis``."""
        return "training" if source == "analysis" else source

    @property
    def id(self) -> str:
        """``source/rule``, the id in the registry: two sources may share a short name."""
        return f"{self.source}/{self.rule}"

    def as_text(self) -> str:
        """One line, as prompts and the terminal show it."""
        where = f"line {self.line}: " if self.line else ""
        fix = f" Fix: {self.fix}" if self.fix else ""
        return f"{where}[{self.rule}] {self.message}{fix}"


class Alignment(Value):
    """How well a reward ranks reference episodes by the task's fitness, as Spearman correlations from -1 to 1."""

    behaviours: int
    reward: float
    """Correlation of the mean reward per step."""
    whole: float | None = None
    """Correlation of the reward summed up over each episode, as far as it was recorded. It differs from ``reward``
    where episodes end early. None if it is equal in all, or from an earlier version."""
    terms: dict[str, float]
    """Correlation of each term's mean per step; terms that are equal in all episodes are left out."""

    def as_text(self) -> str:
        """``over 34 recorded behaviours it ranks with fitness at +0.92 (`near` +0.95, `effort` -0.40)``."""
        terms = ", ".join(f"`{name}` {value:+.2f}" for name, value in self.terms.items())
        told = f" ({terms})" if len(self.terms) > 1 else ""
        text = f"over {self.behaviours} recorded behaviours it ranks with fitness at {self.reward:+.2f}{told}"
        differs = self.whole is not None and abs(self.whole - self.reward) >= 0.1
        return f"{text}; summed up over each episode, at {self.whole:+.2f}" if differs else text


class PayRow(Value):
    """What a reward pays one behaviour per simulated second of a whole episode."""

    behaviour: str
    pay: float
    terms: dict[str, float]  # with the scale ``sign`` they do not add up to ``pay``
    fitness: float | None = None  # None for a behaviour that nobody can play, such as a statue
    total: float | None = None  # sum over the steps that were recorded; None in reports of an earlier version
    mean: float | None = None  # per step
    discounted: float | None = None  # sum with the learner's discount, which is what a learner maximises
    steps: int | None = None
    success: bool | None = None  # whether the goal was reached at any step; None if that is not known

    def as_text(self) -> str:
        """``rest: 34.7 (`high` 34.3, `spin` 0.385); fitness 0.001``."""
        terms = ", ".join(f"`{name}` {number(value)}" for name, value in self.terms.items())
        judged = "" if self.fitness is None else f"; fitness {number(self.fitness)}"
        return f"{self.behaviour}: {number(self.pay)} ({terms}){judged}"


class Planned(Value):
    """What the planner did, and why it stopped before its end if it did."""

    rounds: int = 0  # episodes that were planned to their end
    transitions: int = 0
    seconds: float = 0.0  # of processor time
    problem: str = ""  # why nothing was planned
    by_clock: bool = False  # True if the clock cut it, so that the same settings may give another plan
    sound: bool = False  # True if a plan was finished, and no rule of the attack has a finding

    def as_text(self) -> str:
        """One line, as the terminal shows it."""
        if self.problem:
            return f"the planner was not run: {self.problem}"
        ends = f"({plural(self.rounds, 'episode')} to the end{', cut by the clock' * self.by_clock})"
        spent = f"{self.transitions:,} transitions in {self.seconds:.1f} CPU-s {ends}"
        return f"the planner tried {spent}{': sound so far' * self.sound}"


class CheckReport(Value):
    """What lint, probe and screen found in one reward file."""

    findings: tuple[Finding, ...] = ()
    fields: tuple[str, ...] = ()
    """State fields that the code reads, in table order."""
    terms: tuple[str, ...] = ()
    """Reward terms that it returned under the probe, in the order of first appearance."""
    alignment: Alignment | None = None
    """From the screen. None if the reward was not screened, or if all episodes have the same fitness."""
    pay: tuple[PayRow, ...] = ()
    """What the reward pays known behaviours, best paid first; empty if it was not attacked."""
    planned: Planned | None = None  # None if no plan was asked for
    verdicts: dict[str, Verdict] = {}
    """The answer of each rule of probe and screen, by id. Lint rules are not listed: the lint accepts what it cannot
    decide, so a lint rule without a finding has not answered."""

    @property
    def ok(self) -> bool:
        """True if no error forbids training it."""
        return not any(finding.severity == "error" for finding in self.findings)

    def plus(self, findings: Iterable[Finding], verdicts: Mapping[str, Verdict]) -> CheckReport:
        """This report with later findings and verdicts added."""
        return self.model_copy(
            update={"findings": (*self.findings, *findings), "verdicts": {**self.verdicts, **verdicts}}
        )


class EpisodeScore(Value):
    """One episode, judged by the task and not by the reward."""

    success: bool
    """The task's success at the end of the episode (for a predicate over the whole episode: its verdict)."""
    success_any: bool
    """True if a per-step predicate held at any step; equal to ``success`` for whole-episode predicates."""
    fitness: float
    """Higher is better; the unit is the task's."""
    length: int
    """Steps taken."""
    terminated: bool
    """True if the environment ended the episode (for example after a fall), False if the horizon did."""

    @property
    def fell(self) -> bool:
        """True if the environment ended the episode without success."""
        return self.terminated and not self.success


class EvaluationPoint(Value):
    """The policy's quality at one point of training, over the evaluation episodes."""

    step: int
    """Environment steps trained so far."""
    success: float
    """Share of episodes that succeeded, 0 to 1."""
    success_any: float
    fitness: float
    """Mean over episodes."""
    episode_length: float
    """Mean, in steps."""
    reward: float
    """Mean generated reward per step. For display and diagnosis only: never used for selection."""
    fitness_deviation: float = 0.0
    """Standard deviation over the episodes."""
    episodes: int = 4
    """Their number. Earlier versions did not write it and always played four."""


class TermStatistics(Value):
    """One reward term in the course of training: one value per point, all per environment step."""

    name: str
    minimum: tuple[float, ...]
    mean: tuple[float, ...]
    maximum: tuple[float, ...]
    share: tuple[float, ...]
    """Mean absolute value over the sum of all terms' mean absolute values, 0 to 1."""


STOPPED = "stopped after"
"""The reason of a training that was ended at a rung begins with this."""


class TrainResult(Value):
    """The result of training one policy on one reward; ``result.json``, which is written last."""

    status: Literal["trained", "crashed", "stopped", "paused"]
    """A paused training waits at the end of a rung and has no final evaluation; it is never in ``result.json``."""
    reason: str = ""
    """Why it crashed or stopped early, in words; empty if it used its whole budget."""
    seed: int
    steps: int
    """Environment steps actually trained."""
    seconds: float
    """Wall time of the worker."""
    cpu_seconds: float
    evaluations: tuple[EvaluationPoint, ...] = ()
    episodes: tuple[EpisodeScore, ...] = ()
    """From the final evaluation, with the deterministic policy and fixed seeds."""
    terms: tuple[TermStatistics, ...] = ()
    policy: Literal["last", "best"] = "last"
    """Which policy played ``episodes``: the last, or the best evaluated one if the last was clearly worse."""
    job: str = ""
    """Digest of the job that made this result. Empty in results of some earlier versions."""
    dense_sums: tuple[float, float] | None = None
    """With the scale ``sign``: smallest and largest sum of the dense part over a training episode, in a unit in which a
    success is worth 1. None with any other scale, or before an episode has ended."""

    def belongs_to(self, digest: str) -> bool:
        """True if the job with that digest made this result. A result without a digest is accepted."""
        return self.job in ("", digest)

    @property
    def success(self) -> float:
        """Share of final evaluation episodes that succeeded at the end; 0.0 if none was played."""
        return sum(e.success for e in self.episodes) / len(self.episodes) if self.episodes else 0.0

    @property
    def fitness(self) -> float | None:
        """Mean fitness of the final evaluation; None if none was played."""
        return sum(e.fitness for e in self.episodes) / len(self.episodes) if self.episodes else None


class Candidate(Value):
    """One reward and what became of it; ``candidates/003-b/candidate.json``."""

    id: str
    """Iteration and letter, ``003-b``."""
    iteration: int
    parents: tuple[str, ...] = ()
    """Candidates that the designer was shown as material, or whose file a person edited."""
    continues: str | None = None
    """The candidate whose training this one continues, on the same reward; None for a training from scratch."""
    repeats: str | None = None
    """The candidate whose reward this one trains again, from scratch with another seed; None for any other."""
    author: str = "designer"
    """``designer``, ``person`` for a file edited in a feedback round, or ``file`` for ``train FILE``."""
    status: Status = "designed"
    reason: str = ""
    """Why it has this status, in words; empty if it was trained to its end."""
    repairs: int = 0
    """Repair rounds it took (at most 3)."""
    valid_at_first: bool = False
    """True if lint and probe accepted the model's first answer."""
    success: float | None = None
    """Mean over seeds of the share of evaluation episodes that succeeded; None until trained."""
    success_interval: tuple[float, float] | None = None
    """95 % Wilson interval over all evaluation episodes."""
    episodes: int = 0
    """Evaluation episodes over all seeds; 0 until trained, and in runs of some earlier versions."""
    fitness: float | None = None
    steps: int = 0
    """Environment steps trained, over all seeds."""
    steps_saved: int = 0
    """Steps saved by stopping early, or by not training a twin: what all seeds trained to their end would have taken
    beyond ``steps``. 0 for a crashed candidate, whose training was not stopped on purpose."""
    valid: bool = False
    """True if lint and probe accept the present code."""
    alignment: float | None = None
    """Rank correlation of the reward with fitness over reference episodes, before training; None if unknown."""
    cost_usd: float | None = None
    """Dollars of this candidate's model calls; None if a price is unknown."""

    @property
    def designed_anew(self) -> bool:
        """False if it only trains another candidate's reward, on or again."""
        return self.continues is None and self.repeats is None

    @property
    def score(self) -> tuple[float, float]:
        """Order of selection: task success, then fitness. Never the generated reward."""
        fitness = float("-inf") if self.fitness is None else self.fitness
        return (-1.0 if self.success is None else self.success, fitness)


class Outcome(Value):
    """How a search ended."""

    status: Literal["solved", "unsolved", "accepted", "stopped", "waiting"]
    """``solved`` by the task's own measure, ``accepted`` by the person; ``stopped`` and ``waiting`` can be resumed."""
    best: str | None = None
    """Id of the best candidate; None if none was trained."""
    reason: str


def candidate_id(iteration: int, index: int) -> str:
    """``003-b`` for the second candidate of iteration 3; ``003-ab`` follows ``003-z`` as in spreadsheet columns."""
    letters, index = "", index + 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return f"{iteration:03d}-{letters}"
