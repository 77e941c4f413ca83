"""Audits the reward that an environment itself pays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reward_synth.audit.behaviours import HELD_ON, TRAINED, Recorded, record, record_held_on, repeats
from reward_synth.audit.own_reward import OwnReward
from reward_synth.audit.record import Audit, sound_only_if_clean, worth
from reward_synth.audit.rules import Questions, Told
from reward_synth.audit.trained import Trained
from reward_synth.core.errors import EnvironmentFault
from reward_synth.core.types import CheckReport, EpisodeScore, PayRow, Verdict
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.screening.attack import first_steps, starts_of
from reward_synth.screening.case import ATTACK, Case
from reward_synth.screening.objectives import Told as Column
from reward_synth.screening.planner import Ground, Plan, planned_steps, search
from reward_synth.screening.played import PLANNED, Played
from reward_synth.screening.reference_episodes import EXPERT
from reward_synth.simulators import get_simulator
from reward_synth.state.episode import Episode
from reward_synth.state.tells_reward import REWARD, USABLE
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec

UNMEASURED = (
    "pays-for-something-else", "wrong-sign", "beside-the-goal", "nothing-beyond-rest", "expert-below-rest",
    "best-below-rest", "unreachable-bonus",
)  # fmt: skip
"""Rules of the attack that compare pay with a measure of success."""


def audit_environment(
    subject: EnvironmentSpec | TaskSpec, seconds: float, discount: float = 0.99, trained: Trained | None = None
) -> Audit:
    """What an environment's own reward pays known behaviours, and what is wrong with that.

    :param subject: with a task, its success and fitness judge the episodes; else what the environment says in ``info``.
    :param seconds: processor time of the planner; 0 leaves it out.
    :param trained: a finished training, whose policy is played from the same starts as rest and experts.
    :raises EnvironmentFault: the environment fails, or gives a state that is not finite.
    :raises RewardSynthError: it cannot be made, or its own reward cannot be had.
    """
    own = OwnReward.of(subject)
    recorded, left_out = record(own, trained.policy(own.table) if trained else None)
    same = repeats(own, recorded[0][1])
    plan = _planned(own, recorded, seconds, discount) if same else Plan(problem="its reward does not repeat itself")
    everything: Recorded = [*recorded, *[(PLANNED, episode) for episode in plan.episodes]]
    scores = _scores(own, [episode for _, episode in everything])
    told = [_told(own, *each, score) for each, score in zip(everything, scores, strict=True)]
    if any(each.success and each.ended for each in told):
        told += [_told(own, *each, None) for each in record_held_on(own)]
    questions = Questions(tuple(told), discount, own.dt, plan.finished > 0, same)
    findings, verdicts = questions.answers()
    report = CheckReport()
    if all(np.isfinite(each.rewards).all() for each in told):
        report = _attacked(own, everything, scores, plan, discount)
    return Audit(
        subject=f"{own.spec.environment.id}, its own reward",
        horizon=own.spec.horizon,
        discount=discount,
        maximises=f"{worth(discount)}; of {trained.maximises}" if trained else worth(discount),
        measure=_measure(own),
        rows=rows_of(told, own, everything, scores, discount),
        findings=(*findings, *report.findings),
        verdicts=verdicts | report.verdicts,
        planned=sound_only_if_clean(report, findings),
        notes=(*_notes(own, recorded, left_out), *questions.remarks()),
    )


def _planned(own: OwnReward, recorded: Recorded, seconds: float, discount: float) -> Plan:
    if seconds <= 0.0:
        return Plan(problem="no time was given for it")
    ground = Ground(own.opened, get_simulator(own.spec.simulator), own.spec.horizon, own.dt)
    read = own.table.subset([REWARD, USABLE])
    length = planned_steps(own.spec.horizon, own.dt)
    episodes = [first_steps(episode, length) for _, episode in recorded]
    pay = np.array([np.nan_to_num(own.rewards(each)).sum() for each in episodes])
    column = read.columns()[REWARD].start
    try:
        return search(
            ground, own.table, read, lambda dt: Column(column, discount), starts_of(own.table, episodes, pay), seconds
        )
    except EnvironmentFault as error:
        return Plan(problem=error.message)


def _scores(own: OwnReward, episodes: Sequence[Episode]) -> list[EpisodeScore]:
    """By the task's measure, or by what the environment says: then the fitness is 1 for success. Else all are equal."""
    if own.task is not None:
        return score_episodes(own.task, own.table, episodes)
    found = []
    for episode in episodes:
        reached = own.reached(episode)
        done = bool(reached.any()) if reached is not None else False
        last = bool(reached[-1]) if reached is not None else False
        found.append(
            EpisodeScore(
                success=last,
                success_any=done,
                fitness=float(done),
                length=episode.length,
                terminated=episode.terminated,
            )
        )
    return found


def _told(own: OwnReward, kind: str, episode: Episode, score: EpisodeScore | None) -> Told:
    reached = own.reached(episode)
    known = own.task is not None or reached is not None
    success = score.success_any if score is not None else bool(reached.any()) if reached is not None else None
    return Told(
        kind,
        episode.seed,
        own.rewards(episode),
        episode.horizon,
        episode.terminated,
        success if known else None,
        reached,
        score.fitness if known and score is not None else None,
    )


def _attacked(
    own: OwnReward, everything: Recorded, scores: Sequence[EpisodeScore], plan: Plan, discount: float
) -> CheckReport:
    """The attack's rules, of episodes that are cut to the length of planned ones."""
    length = planned_steps(own.spec.horizon, own.dt)
    played = []
    for (kind, whole), score in zip(everything, scores, strict=True):
        episode = first_steps(whole, length)
        rewards = own.rewards(episode)
        steps = episode.horizon if episode.terminated else episode.length
        terms = own.terms(episode).sum(axis=0) / steps
        played.append(Played(kind, episode, float(rewards.sum()) / steps, terms, score, rewards))
    measured = measured_table(own.task, own.table).names if own.task is not None else ()
    experts = sum(kind == EXPERT for kind, _ in everything)
    report = Case(played, own.keys, plan, measured, own.state, experts, discount).told(CheckReport())
    if own.task is not None or own.success:
        return report
    silent: dict[str, Verdict] = {ATTACK[name].id: "not applicable" for name in UNMEASURED}
    kept = [finding for finding in report.findings if finding.id not in silent]
    planned = report.planned.model_copy(update={"sound": False}) if report.planned else None
    said = {**report.verdicts, **silent}
    return report.model_copy(update={"findings": tuple(kept), "verdicts": said, "planned": planned})


def rows_of(
    told: Sequence[Told], own: OwnReward, everything: Recorded, scores: Sequence[EpisodeScore], discount: float
) -> tuple[PayRow, ...]:
    """One row for each kind: its episode of the largest sum, and of an expert or a policy the median one."""
    rows = []
    for kind in dict.fromkeys(each.kind for each in told):
        those = sorted((n for n, each in enumerate(told) if each.kind == kind), key=lambda n: told[n].total)
        middle = kind in (EXPERT, HELD_ON, TRAINED)
        place = those[len(those) // 2 if middle else -1]
        each = told[place]
        name = kind if len(those) == 1 else f"{kind}, {'median' if middle else 'best'} of {len(those)}"
        terms = own.terms(everything[place][1]).mean(axis=0) if place < len(everything) else np.zeros(len(own.keys))
        fitness = scores[place].fitness if own.task is not None and place < len(scores) else None
        rows.append(_row(name, each, discount, own.dt, dict(zip(own.keys, terms / own.dt, strict=True)), fitness))
    first = told[0]
    statue = Told("", first.seed, np.full(first.horizon, first.rewards[0]), first.horizon, False, None)
    rows.append(_row("statue in the start state", statue, discount, own.dt, {}, None))
    if any(each.ended for each in told):
        once = Told("", first.seed, first.rewards[:1], first.horizon, True, None)
        rows.append(_row("an end at once", once, discount, own.dt, {}, None))
    return tuple(sorted(rows, key=lambda row: -(row.discounted or 0.0)))


def _row(name: str, each: Told, discount: float, dt: float, terms: dict[str, float], fitness: float | None) -> PayRow:
    return PayRow(
        behaviour=name,
        pay=each.rate(each.horizon) / dt,
        terms={key: float(value) for key, value in terms.items()},
        fitness=fitness,
        total=each.total,
        mean=float(each.rewards.mean()),
        discounted=each.discounted(discount),
        steps=len(each.rewards),
        success=each.success,
    )


def _measure(own: OwnReward) -> str:
    if own.task is not None:
        return f"success and fitness of the task {own.task.name}"
    return f"`{own.success}` in the environment's info" if own.success else ""


def _notes(own: OwnReward, recorded: Recorded, left_out: int) -> list[str]:
    said = []
    if left_out:
        said.append(f"{left_out} scripted behaviours were left out, because the environment is slow")
    if not any(kind == EXPERT for kind, _ in recorded):
        said.append("no scripted expert is known for this environment")
    rewards = np.concatenate([own.rewards(episode) for _, episode in recorded])
    terms = np.concatenate([own.terms(episode) for _, episode in recorded])
    if own.keys and not np.allclose(terms.sum(axis=1), rewards, rtol=1e-4, atol=1e-6, equal_nan=True):
        said.append(f"the parts that the environment names ({', '.join(own.keys)}) do not add up to its reward")
    return said
