"""Checks any reward source against a task: by the lint, then by the probe on states of the real simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.deaths import tried_again
from reward_synth.core.rules import verdicts
from reward_synth.core.types import SPARSE_PREFIX, CheckReport
from reward_synth.evaluation.play import field_table, more_seen
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import TASK
from reward_synth.screening.attack import Attacked, attack, with_best
from reward_synth.screening.hidden import Observed
from reward_synth.screening.played import EARLIER
from reward_synth.screening.probe import check
from reward_synth.screening.ranking import screen
from reward_synth.screening.reference_episodes import ReferenceEpisodes, record_reference_episodes
from reward_synth.screening.twins import paid
from reward_synth.state.episode import Judged
from reward_synth.state.fields import POSITION_UNITS
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

FIXED_POSITION, NO_SPARSE_TERM = TASK.values()
"""The second is for the scale ``sign`` only: see :class:`~reward_synth.training.scale.SignScale`."""
SAME_PLACE = 1e-9
"""In m or rad; a smaller difference is rounding."""


@dataclass(frozen=True)
class RewardChecker:
    """A task's field table and reference episodes, made once and used for every candidate."""

    task: TaskSpec
    table: FieldTable
    """All fields, including those that only success and fitness may read."""
    reference_episodes: ReferenceEpisodes
    earlier: tuple[Judged, ...] = ()
    """Episodes that were planned for other rewards of the task; only attacks look at them."""
    _best: list[ReferenceEpisodes] = field(default_factory=list)
    """These and those that were planned for the fitness, once somebody asked for them."""
    _paid: dict[tuple[str, str], FloatArray] = field(default_factory=dict)
    """What rewards pay there, by source and scale."""
    _observed: list[Observed] = field(default_factory=list)
    """What the policy sees, once somebody asked for it."""

    @classmethod
    def of(cls, task: TaskSpec) -> RewardChecker:
        """Record the reference episodes, which takes a second or two.

        :raises RewardSynthError: the task shows its policies a field that does not exist.
        """
        more_seen(task)
        table = field_table(task)
        return cls(task, table, record_reference_episodes(task, table))

    def check(self, source: str) -> CheckReport:
        """Lint and probe a reward."""
        shown = self.table.for_rewards()
        known = self.reference_episodes.transitions(shown.names)
        ranges = (shown.low, shown.high)
        report = tried_again(lambda: check(source, shown.layout(), ranges, known, len(shown.actions)))
        if not report.ok:
            return report.plus((), verdicts(TASK.values(), (), "could not run"))
        found = [FIXED_POSITION.finding(message) for message in self.fixed_positions(report.fields)]
        places = any(field.unit in POSITION_UNITS for field in self.table.subset(report.fields))
        signed = self.task.training.scale == "sign"
        if signed and not any(name.startswith(SPARSE_PREFIX) for name in report.terms):
            missing = f"no term's name begins with `{SPARSE_PREFIX}`"
            found.append(NO_SPARSE_TERM.finding(f"{missing}, so that success would be worth no more than a hint"))
        answers = verdicts((FIXED_POSITION,), found, "not found" if places else "not applicable")
        answers |= verdicts((NO_SPARSE_TERM,), found, "not found" if signed else "not applicable")
        return report.plus(found, answers)

    def fixed_positions(self, names: Sequence[str]) -> list[str]:
        """A sentence on each named position or angle that has the same value, other than 0, in every state.

        A goal that is drawn again for each episode does not count, whatever its field is called. Nor does the place
        where something that moves begins: it is what it says.
        """
        episodes, told = self.reference_episodes.episodes, []
        for each in self.table.subset(names):
            values = np.concatenate([episode.subset([each.name]) for episode in episodes])
            fixed = each.unit in POSITION_UNITS and values[0].any() and np.ptp(values, axis=0).max() <= SAME_PLACE
            if fixed and not self._begins_at(values[0]):
                place = np.array2string(values[0], precision=3, separator=", ")
                seeds = f"{len(episodes)} recorded episodes, each with a seed of its own"
                told.append(f"`{each.name}` is {place} in every state of {seeds}")
        return told

    def _begins_at(self, place: FloatArray) -> bool:
        """True if something that moves is at this place whenever an episode begins."""
        episodes = self.reference_episodes.episodes
        for other in self.table:
            if other.unit not in POSITION_UNITS or other.size != len(place):
                continue
            values = [episode.subset([other.name]) for episode in episodes]
            begins = all(np.abs(each[0] - place).max() <= SAME_PLACE for each in values)
            if begins and any(np.ptp(each, axis=0).max() > SAME_PLACE for each in values):
                return True
        return False

    def screen(self, source: str, report: CheckReport) -> CheckReport:
        """Rank the reference episodes by a reward whose report is ok. Returns the report with the result."""
        speeds = [field.name for field in self.table if field.unit.endswith("/s")]
        return screen(source, report, self.reference_episodes, not self.task.drafted, speeds)

    def paid(self, source: str, report: CheckReport) -> FloatArray:
        """What a reward pays on the reference episodes: see :func:`~reward_synth.screening.twins.paid`.

        :raises RewardError: it fails there.
        """
        key = (source, self.task.training.scale)
        if key not in self._paid:
            self._paid[key] = paid(source, report, self.reference_episodes.episodes, self.task.training.scale)
        return self._paid[key]

    def attack(self, source: str, report: CheckReport, seconds: float, discount: float) -> Attacked:
        """Plan against a reward whose report is ok, see :func:`~reward_synth.screening.attack.attack`, and ask what the
        policy sees of it.

        The first time, twice as long is spent on planning for the task's fitness.
        """
        found = attack(source, report, self.task, self.table, self.attacked_with(seconds), seconds, discount)
        return replace(found, report=self.hidden(source, found.report))

    def hidden(self, source: str, report: CheckReport, known: ReferenceEpisodes | None = None) -> CheckReport:
        """Ask whether a reward whose report was ok pays for what the policy cannot see.

        :param known: episodes of which the best shows how the goal is come to; None takes those that are known here.
        """
        if not self._observed:
            self._observed.append(Observed(self.task, self.table))
        here = self._best[0] if self._best else self.reference_episodes
        return self._observed[0].asked(source, report, known or here)

    def beside(self, earlier: Sequence[Judged]) -> RewardChecker:
        """This checker with episodes that were planned for other rewards; those with other fields are left out."""
        layout = self.table.layout()
        return replace(self, earlier=tuple(each for each in earlier if each.episode.layout == layout))

    def attacked_with(self, seconds: float) -> ReferenceEpisodes:
        """The reference episodes of an attack, with those planned for the fitness and those for other rewards."""
        if not self._best:
            with_fitness = seconds > 0.0
            known = self.reference_episodes
            self._best.append(with_best(self.task, self.table, known, seconds) if with_fitness else known)
        episodes, scores = [each.episode for each in self.earlier], [each.score for each in self.earlier]
        return self._best[0].joined(EARLIER, episodes, scores)


def check_source(
    source: str,
    task: TaskSpec,
    only: Literal["lint", "probe"] | None = None,
    plan_seconds: float = 0.0,
    discount: float = 0.99,
) -> CheckReport:
    """Lint and probe a reward, or only one of them, and say how it ranks the reference episodes.

    :param only: ``lint`` starts no simulator beyond reading the field table; ``probe`` leaves the lint's warnings out.
    :param plan_seconds: processor time of the planner; 0 does not attack the reward.
    :param discount: the learner's, per environment step.
    """
    if only == "lint":
        table = field_table(task).for_rewards()
        linted = lint(source, table.layout(), action_size=len(table.actions))
        return CheckReport(findings=linted.findings, fields=linted.fields)
    checker = RewardChecker.of(task)
    report = checker.check(source)
    if only == "probe" and report.ok:
        kept = tuple(finding for finding in report.findings if finding.source != "lint")
        report = report.model_copy(update={"findings": kept})
    if report.ok:
        report = checker.screen(source, report)
    attacked = report.ok and plan_seconds > 0.0
    return checker.attack(source, report, plan_seconds, discount).report if attacked else report
