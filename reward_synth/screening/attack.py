"""Attacks a reward: what is paid most, and is that the goal?

The pay table says what the reward pays behaviours that anybody can name: rest, a statue, noise, an expert, an expert
in reverse. The planner looks for what is paid more than all of them. The task's frozen fitness judges what it found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.rules import verdicts
from reward_synth.core.types import CheckReport, EpisodeScore
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.reward.contract import RewardError
from reward_synth.reward.scale import recorded_scale
from reward_synth.reward.source import constant_terms
from reward_synth.screening.case import ATTACK, Case
from reward_synth.screening.payment import Payment, pay_of
from reward_synth.screening.planner import Plan, Start, plan, plan_fitness, planned_steps
from reward_synth.screening.played import BEST, HELD, PLANNED, Played
from reward_synth.screening.reference_episodes import EXPERT, SEED, ReferenceEpisodes, stopped, wanted_actions
from reward_synth.screening.stated import stated_ranges
from reward_synth.state.episode import Episode, Judged
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

ROUNDS = 4
BEST_SHARE = 2.0
"""How many times as long is spent on the fitness as on a reward, since it is asked of an episode at a time."""


@dataclass(frozen=True)
class Attacked:
    """What is known of a reward after an attack."""

    report: CheckReport
    """With pay, findings and verdicts."""
    episodes: Mapping[str, Judged] = field(default_factory=dict)
    """The best-paid planned episode as ``planned``, and the one that shows a finding under its rule's name."""


def attack(
    source: str,
    report: CheckReport,
    task: TaskSpec,
    table: FieldTable,
    reference: ReferenceEpisodes,
    seconds: float,
    discount: float = 0.99,
) -> Attacked:
    """Pay known behaviours, plan against the reward, and say what is wrong with what is paid most.

    :param report: and the others, as of :func:`case_of`.
    :raises RewardSynthError: the environment or the locked process cannot be started.
    """
    try:
        case = case_of(source, report, task, table, reference, seconds, discount)
        return Attacked(case.told(report), case.episodes)
    except RewardError as error:
        said = {**verdicts(ATTACK.values(), (), "could not run"), error.finding.id: "found"}
        return Attacked(report.plus((error.finding,), said))


def case_of(
    source: str,
    report: CheckReport,
    task: TaskSpec,
    table: FieldTable,
    reference: ReferenceEpisodes,
    seconds: float,
    discount: float = 0.99,
) -> Case:
    """Pay known behaviours, and plan against the reward.

    :param report: of the reward, which must be ok.
    :param seconds: processor time of the planner; 0 leaves it out, and with it the rules that need it.
    :param discount: the learner's, per environment step.
    :raises RewardError: the reward fails on an episode.
    :raises RewardSynthError: the environment or the locked process cannot be started.
    """
    length = planned_steps(task.horizon, reference.episodes[0].dt)
    episodes = [first_steps(episode, length) for episode in reference.episodes]
    kinds = reference.kinds or ("recorded",) * len(episodes)
    first = _paid(source, table, episodes, task)
    found = Plan(problem="no time was given for it")
    if seconds > 0.0:
        starts = starts_of(table, episodes, first.pay)
        scale = recorded_scale(source) or task.training.scale
        try:
            found = plan(task, table, source, report, starts, seconds, discount, scale)
        except RewardError as error:
            message = f"{error.finding.message}, in a state that the planner reached"
            raise RewardError(error.finding.model_copy(update={"message": message})) from error
    everything = [*episodes, *found.episodes]
    scores: list[EpisodeScore | None] = [*score_episodes(task, table, everything)]
    made = dict(_made(episodes, kinds, scores, length))
    kinds = (*kinds, *[PLANNED] * len(found.episodes), *made)
    everything += made.values()
    payment = _paid(source, table, everything, task)
    scores += [None] * len(made)
    each = zip(kinds, everything, payment.pay, payment.per_term, scores, payment.rewards, strict=True)
    played, measured = [Played(*one) for one in each], measured_table(task, table).for_rewards().names
    costs = {name for name, (_, high) in stated_ranges(source).items() if high <= 0.0}
    return Case(
        played, payment.terms, found, measured, table, reference.experts, discount, constant_terms(source) | costs
    )


def _paid(source: str, table: FieldTable, episodes: list[Episode], task: TaskSpec) -> Payment:
    named = {str(place): episode for place, episode in enumerate(episodes)}
    payment = pay_of(source, table, named, task.training.scale)
    if not payment.ok:
        raise RewardError(payment.findings[-1])
    return payment


def with_best(task: TaskSpec, table: FieldTable, reference: ReferenceEpisodes, seconds: float) -> ReferenceEpisodes:
    """The reference episodes, and after them those that were planned for the task's fitness.

    Made once per task. Scripted behaviours hardly ever do well, so that a hack beside them looks fine.
    """
    fitness = np.array([score.fitness for score in reference.scores])
    length = planned_steps(task.horizon, reference.episodes[0].dt)
    episodes = [first_steps(episode, length) for episode in reference.episodes]
    try:
        found = plan_fitness(task, table, starts_of(table, episodes, fitness), BEST_SHARE * seconds)
    except RewardError:
        return reference  # The measure wants whole episodes, or an expert's success.
    if not found.episodes:
        return reference
    return reference.joined(BEST, found.episodes, score_episodes(task, table, found.episodes))


def first_steps(episode: Episode, length: int) -> Episode:
    """The first steps of an episode, so that it is compared with planned ones of the same length."""
    if episode.length <= length:
        return episode
    return replace(episode, rows=episode.rows[: length + 1], actions=episode.actions[:length], terminated=False)


def starts_of(table: FieldTable, episodes: Sequence[Episode], pay: FloatArray) -> list[Start]:
    """In turn from what is paid best among the recorded episodes, and from nothing."""
    best = [episodes[place] for place in np.argsort(-pay, kind="stable")]
    starts: list[Start] = []
    for place in range(ROUNDS // 2):
        known = best[place % len(best)]
        starts.append(Start(known.seed, wanted_actions(table, known.actions)))
        starts.append(Start(SEED + place))
    return starts


def _made(
    episodes: list[Episode], kinds: tuple[str, ...], scores: list[EpisodeScore | None], length: int
) -> Iterator[tuple[str, Episode]]:
    """Behaviours that nobody plays: the name of each, and how its episode would look."""
    rest = episodes[0]
    yield "statue at the start", _still(rest, 0, length)
    if any(episode.terminated for episode in episodes):
        yield "an end at once", replace(rest, rows=rest.rows[:2], actions=rest.actions[:1], terminated=True)
    expert = next((e for e, kind in zip(episodes, kinds, strict=True) if kind == EXPERT), None)
    if expert is not None:
        yield "expert in reverse", replace(expert, rows=expert.rows[::-1], actions=expert.actions[::-1])
    done = next((e for e, score in zip(episodes, scores, strict=False) if score and score.success), None)
    if done is not None:
        yield "statue at the goal", _still(done, -1, length)
        if done.length < length:
            yield HELD, first_steps(stopped(done, done.length), length)


def _still(episode: Episode, place: int, steps: int) -> Episode:
    rows = np.repeat(episode.rows[[place]], steps + 1, axis=0)
    return replace(episode, rows=rows, actions=np.zeros((steps, episode.actions.shape[1])), terminated=False)
