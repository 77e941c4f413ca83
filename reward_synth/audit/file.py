"""Audits a reward file against a task: lint, probe, screen, attack, and the audit's own questions."""

from __future__ import annotations

from reward_synth.audit.record import Audit, sound_only_if_clean, worth
from reward_synth.audit.rules import AUDIT, Questions, Told
from reward_synth.core.rules import verdicts
from reward_synth.core.types import CheckReport
from reward_synth.reward.contract import RewardError
from reward_synth.screening.attack import case_of
from reward_synth.screening.case import ATTACK, Case
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.hidden import HIDDEN
from reward_synth.tasks.spec import TaskSpec


def audit_file(name: str, source: str, task: TaskSpec, seconds: float, discount: float) -> Audit:
    """What a reward file pays known behaviours of a task, and what is wrong with that.

    :param name: the reward's, as people know it.
    :param seconds: processor time of the planner; 0 leaves it out.
    :param discount: the learner's, per environment step.
    :raises RewardSynthError: the environment or the locked process cannot be started.
    """
    checker = RewardChecker.of(task)
    report = checker.check(source)
    if report.ok:
        report = checker.screen(source, report)
    report = _attacked(checker, source, report, seconds, discount)
    return Audit(
        subject=name,
        horizon=task.horizon,
        discount=discount,
        maximises=worth(discount),
        measure=f"success and fitness of the task {task.name}",
        rows=report.pay,
        findings=report.findings,
        verdicts=report.verdicts,
        planned=sound_only_if_clean(report, report.findings),
        notes=("episodes of scripts and plans are a part of a whole one, so their sums are sums of that part",),
    )


def _attacked(checker: RewardChecker, source: str, report: CheckReport, seconds: float, discount: float) -> CheckReport:
    rules = [*ATTACK.values(), HIDDEN, *AUDIT.values()]
    if not report.ok:
        return report.plus((), verdicts(rules, (), "could not run"))
    known = checker.attacked_with(seconds)
    try:
        case = case_of(source, report, checker.task, checker.table, known, seconds, discount)
    except RewardError as error:
        answers = verdicts(rules, (), "could not run")
        return report.plus((error.finding,), {**answers, error.finding.id: "found"})
    told = case.told(report).plus(*questions_of(case).answers())
    return checker.hidden(source, told)


def questions_of(case: Case) -> Questions:
    """The audit's questions about the behaviours that somebody can play."""
    told = tuple(
        Told(
            each.kind,
            each.episode.seed,
            each.rewards,
            each.episode.horizon,
            each.episode.terminated,
            each.score.success_any,
            None,
            each.score.fitness,
        )
        for each in case.played
        if each.score is not None
    )
    return Questions(told, case.discount, case.played[0].episode.dt, case.plan.finished > 0)
