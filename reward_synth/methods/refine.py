"""Turns a designer's drafts into rewards worth training, by a few rounds of check, critic, screen and repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.rules import declare
from reward_synth.core.types import CheckReport, Finding
from reward_synth.roles.brief import Brief
from reward_synth.roles.critic import Critic
from reward_synth.roles.designer import Designer, Draft
from reward_synth.screening.attack import Attacked
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.terms import kept_processes
from reward_synth.state.episode import Judged

NO_CODE = declare(
    "designer", "no-code", "error", "Does the designer's answer hold no reward?",
    "There is no code in it, or none that can be told from words.", "answer with one python code block",
)  # fmt: skip


@dataclass(frozen=True)
class Refined:
    """A draft after its last round, with all findings on it."""

    draft: Draft
    report: CheckReport
    """Lint, probe, screen and critic findings on the source in ``draft``."""
    objections: tuple[Finding, ...] = ()
    """The critic's errors: they ask for a repair, but do not reject the reward."""
    repairs: int = 0
    valid_at_first: bool = False
    planned: Mapping[str, Judged] = field(default_factory=dict)
    """Episodes of the attack on it: see :class:`~reward_synth.screening.attack.Attacked`."""

    @property
    def valid(self) -> bool:
        """True if the code keeps the contract: lint and probe accept it."""
        faults = (f for f in self.report.findings if f.severity == "error" and f.source in ("lint", "probe"))
        return bool(self.draft.source) and next(faults, None) is None

    @property
    def ok(self) -> bool:
        """True if it may be trained: it is valid and does not clearly pay for the opposite of the goal."""
        return bool(self.draft.source) and self.report.ok

    @property
    def reason(self) -> str:
        """Why it may not be trained, in words; empty if it may."""
        if self.ok:
            return ""
        if not self.draft.source:
            return f"no code in the answer: {self.draft.problem}"
        errors = [f.as_text() for f in self.report.findings if f.severity == "error"]
        return f"still broken after {self.repairs} repairs: " + "; ".join(errors[:3])


class Refiner:
    """Runs the rounds.

    :param critic: None leaves the critic out. It only advises, so it is also left out once it cannot be asked.
    :param rounds: the largest number of repairs per draft.
    :param warn: told why the critic is left out.
    :param plan_seconds: processor time for which each reward that is screened is attacked; 0 leaves that out.
    :param discount: the learner's, per environment step.
    """

    def __init__(
        self,
        checker: RewardChecker,
        designer: Designer,
        critic: Critic | None,
        rounds: int,
        warn: Callable[[str], None] = lambda text: None,
        plan_seconds: float = 0.0,
        discount: float = 0.99,
    ) -> None:
        self._warn = warn
        self._checker = checker
        self._designer = designer
        self._critic = critic
        self._rounds = rounds
        self._plan_seconds, self._discount = plan_seconds, discount

    def beside(self, earlier: Sequence[Judged]) -> None:
        """From now on, attack rewards beside these episodes, which were planned for earlier ones."""
        self._checker = self._checker.beside(earlier)

    def refine(self, brief: Brief, drafts: Sequence[Draft], *, screen: bool = True) -> list[Refined]:
        """Repair each draft as far as the rounds allow; the order is kept.

        :param screen: rank reference episodes by each reward, and repair a reward that contradicts the fitness.
        """
        refined = self._look(brief, [Refined(draft, CheckReport()) for draft in drafts], screen)
        refined = [replace(item, valid_at_first=item.valid) for item in refined]
        for _ in range(self._rounds):
            faulty = {i: faults for i, item in enumerate(refined) if (faults := _to_mend(item))}
            if not faulty:
                break
            repaired = self._designer.repair(brief, [(refined[i].draft, faults) for i, faults in faulty.items()])
            again = self._look(
                brief,
                [
                    replace(refined[i], draft=draft, repairs=refined[i].repairs + 1)
                    for i, draft in zip(faulty, repaired, strict=True)
                ],
                screen,
            )
            for i, item in zip(faulty, again, strict=True):
                refined[i] = _better(refined[i], item)
        return refined

    def inspect(self, source: str, *, screen: bool = True) -> Refined:
        """Check and screen a reward without repairing it, such as a person's own."""
        return self._measure(Refined(Draft(source), CheckReport()), screen)

    def _look(self, brief: Brief, items: list[Refined], screen: bool) -> list[Refined]:
        looked = [self._measure(item, screen) for item in items]
        if self._critic is None:
            return looked
        # The critic sees only code that runs; the lint handles the rest.
        sound = [i for i, item in enumerate(looked) if item.ok]
        try:
            reviews = self._critic.review(brief, [(looked[i].draft, looked[i].report) for i in sound])
        except RewardSynthError as error:
            self._warn(f"the critic is left out, and rewards are trained without its review: {error.message}")
            self._critic = None
            return looked
        for i, review in zip(sound, reviews, strict=True):
            # Unlike lint and probe, a critic can be wrong: its errors ask for a repair, but do not reject. Its warnings
            # are for people only: repairing each one would make all samples alike.
            said = tuple(f.model_copy(update={"severity": "warning"}) for f in review.findings)
            draft, report = looked[i].draft, looked[i].report
            exchanges = (*draft.exchanges, review.exchange)
            looked[i] = replace(
                looked[i],
                draft=replace(draft, exchanges=exchanges),
                report=report.model_copy(update={"findings": report.findings + said}),
                objections=tuple(f for f in review.findings if f.severity == "error"),
            )
        return looked

    def _measure(self, item: Refined, screen: bool) -> Refined:
        source = item.draft.source
        if not source:
            return replace(item, report=CheckReport(), objections=(), planned={})
        report = self._checker.check(source)
        attacked = Attacked(report)
        if report.ok and screen:
            with kept_processes():
                attacked = self._screened(source, report)
        return replace(item, report=attacked.report, objections=(), planned=attacked.episodes)

    def _screened(self, source: str, report: CheckReport) -> Attacked:
        report = self._checker.screen(source, report)
        if not report.ok or self._plan_seconds <= 0.0:
            return Attacked(report)
        return self._checker.attack(source, report, self._plan_seconds, self._discount)


def _to_mend(item: Refined) -> tuple[Finding, ...]:
    """The findings that the designer must fix: errors of lint, probe and screen, or else the critic's.

    What the screen only warns of is no reason for a repair, and is told with one.
    """
    if not item.draft.source:
        # Whoever refuses, or is cut off again and again, does so in a repair too.
        return (NO_CODE.finding(item.draft.problem),) if item.draft.fault in (None, "unreadable") else ()
    errors = tuple(f for f in item.report.findings if f.severity == "error") or item.objections
    warned = tuple(f for f in item.report.findings if f.severity == "warning" and f.source == "screen")
    return errors + warned if errors else ()


def _better(before: Refined, after: Refined) -> Refined:
    """The repaired version, unless the repair broke a working one: then the earlier one, with the attempt counted."""
    if after.ok or not before.ok:
        return after
    kept = replace(before.draft, exchanges=after.draft.exchanges)
    return replace(before, draft=kept, repairs=after.repairs)
