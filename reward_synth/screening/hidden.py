"""What a policy cannot see: fields that a reward reads and the observation does not determine.

A reward on hidden quantities cannot be learnt by a policy that sees one observation at a time. That is estimated from
recorded episodes: a field is predicted from the observation, in episodes that were not fitted, by a linear model and
by the nearest neighbours, and the better one counts. What neither explains is called hidden. A difference of a hidden
place is harmless if the observation shows the speed, and so is a minor term. So the same is asked of the reward itself:
how much of it is determined by what is seen before and after the step, and by the action?
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.names import CLOCK
from reward_synth.core.number_format import number, percent
from reward_synth.core.types import CheckReport, Verdict
from reward_synth.evaluation.play import more_seen, step_length, unseen_fields
from reward_synth.evaluation.prediction import Share, unexplained
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.rules import declared
from reward_synth.screening.reference_episodes import (
    SEED,
    ReferenceEpisodes,
    choosers,
    controllers,
    record_episode,
)
from reward_synth.screening.terms import episode_terms
from reward_synth.simulators import open_environment
from reward_synth.state.episode import Episode
from reward_synth.state.fields import POSITION_UNITS, Field
from reward_synth.state.more_seen import MoreSeen
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.state.view import column_indices
from reward_synth.tasks.spec import TaskSpec

HIDDEN_RULES = declared("screen", "hidden")
(HIDDEN,) = HIDDEN_RULES.values()
SEEN = "what_the_policy_sees"
EPISODES, STEPS = 24, 100
UNEXPLAINED, MUCH = 0.5, 0.3
"""Shares of the variance, of a field and of the reward, that must stay unexplained, at the lower ends of their
intervals."""
WAITS, ON = (0.125, 0.375), (0.25, 0.5, 0.75)
"""Parts of an episode: how long it is waited, for a reward with memory, and how far it has gone on."""
SMALL = 0.1
"""Share of the spread of what is paid that a difference between two behaviours must have to count."""
ELSEWHERE = (-1.0, -0.62, -0.37, -0.13, 0.21, 0.43, 0.71, 1.0)
"""Where an episode may begin: so many times the range that was seen away, at distances that share no period."""
WITHIN = 0.1
"""Share of a field's variance that must lie within the median episode."""
MOST_SEEN = 400
"""Numbers in an observation beyond which nothing is estimated from so few steps."""


class Observed:
    """Short episodes of a task with what the policy sees in them. They are recorded once.

    :raises EnvironmentFault: the environment fails.
    """

    def __init__(self, task: TaskSpec, table: FieldTable) -> None:
        self._task, self._table = task, table
        self._episodes = _recorded(task, table)
        more = more_seen(task)
        self._seen = [_what_is_seen(episode, more) for episode in self._episodes]
        self._shares: dict[str, Share | None] = {}

    def asked(self, source: str, report: CheckReport, reference: ReferenceEpisodes) -> CheckReport:
        """The report, with a warning if the reward pays for what the policy cannot see.

        :param report: of the reward, which must be ok.
        :param reference: what is known of the task. The first episode rests.
        """
        if self._seen[0].shape[1] > MOST_SEEN:
            return _answered(report, "not enough data")
        remembers = lint(source, reference.episodes[0].layout).uses_memory
        unseen = _known(self._task, self._table.subset(report.fields))
        hidden = self._hidden(report.fields) | dict.fromkeys(unseen, Share(1.0, 1.0))
        if not hidden and not remembers:
            return _answered(report, "not found" if report.fields else "not applicable")
        try:
            known = episode_terms(source, report, reference.episodes)
            places = set(hidden) <= set(unseen) and all(self._is_place(name) for name in hidden)
            harmless = bool(hidden) and places and _same_elsewhere(source, report, reference, known, unseen)
            message = "" if harmless else self._left_open(source, report, hidden)
            # To a policy that sees the time, nothing looks the same later on.
            if not message and CLOCK not in self._task.environment.observes:
                message = _later(source, report, reference, known, remembers, unseen)
        except RewardError:
            return _answered(report, "could not run")
        if not message:
            return _answered(report, "not found")
        return report.plus((HIDDEN.finding(message),), {HIDDEN.id: "found"})

    def _left_open(self, source: str, report: CheckReport, hidden: dict[str, Share]) -> str:
        """What is told if what is seen and done leaves much of the reward open; else nothing."""
        if not hidden:
            return ""
        # The reward may read all that was recorded but the observation.
        paid = [steps.sum(axis=1, keepdims=True) for steps in episode_terms(source, report, self._episodes)]
        both = [
            np.concatenate([looked[:-1], episode.actions, looked[1:]], axis=1)
            for looked, episode in zip(self._seen, self._episodes, strict=True)
        ]
        left = unexplained(paid, both)
        if left is None or left.low <= MUCH:
            return ""
        named = ", ".join(f"`{name}` ({percent(min(1.0, each.value))} unexplained)" for name, each in hidden.items())
        return (
            f"the policy does not see {named}, and what it sees and does leaves {percent(min(1.0, left.value))} of the "
            f"reward open (shares of the variance in {len(self._episodes)} episodes, each predicted from the others)"
        )

    def _is_place(self, name: str) -> bool:
        field = self._table.get(name)
        return field is not None and field.unit in POSITION_UNITS

    def _hidden(self, names: Sequence[str]) -> dict[str, Share]:
        """Those of the fields that cannot be predicted, each with the share of it that stays open."""
        for name in names:
            if name not in self._shares:
                self._shares[name] = _field_share(name, self._episodes, self._seen)
        shares = ((name, self._shares[name]) for name in names)
        return {name: share for name, share in shares if share is not None and share.low > UNEXPLAINED}


def _later(
    source: str,
    report: CheckReport,
    reference: ReferenceEpisodes,
    known: Sequence[FloatArray],
    remembers: bool,
    unseen: Sequence[str],
) -> str:
    """What is told if the best episode is paid otherwise after a wait, or elsewhere, though it looks the same."""
    ranked = [(score.success, score.fitness) for score in reference.scores]
    best = reference.episodes[max(range(len(ranked)), key=ranked.__getitem__)]
    shown = {"when it begins": best}
    if remembers:
        shown |= {f"after a wait of {part:.0%} of an episode": waited(best, part) for part in WAITS}
    if unseen:
        shown |= {f"once `{unseen[0]}` is {part:.0%} on": moved_on(best, unseen, part) for part in ON}
    paid = [known[0], *episode_terms(source, report, list(shown.values()))]
    rest, *means = (float(terms[-best.length :][1:].sum(axis=1).mean()) for terms in paid)
    most, least = max(means), min(means)
    spread = float(np.ptp([terms.sum(axis=1).mean() for terms in known]))
    if most - least <= MUCH * max(abs(means[0] - rest), SMALL * spread):
        return ""
    where = list(shown)
    return (
        f"what looks the same to the policy is paid {number(least)} per step {where[means.index(least)]} and "
        f"{number(most)} {where[means.index(most)]}, in the best episode that is known; doing nothing is paid "
        f"{number(rest)}"
    )


def _same_elsewhere(
    source: str,
    report: CheckReport,
    reference: ReferenceEpisodes,
    known: Sequence[FloatArray],
    unseen: Sequence[str],
) -> bool:
    """True if the episode that is paid most is paid nearly as much in sum wherever it begins.

    Then only differences of the hidden places count, and where a mark lies changes when it is paid and not how often.

    :param known: the terms of the reference episodes, (steps, terms) each.
    """
    paid = [float(terms.sum()) for terms in known]
    best = int(np.argmax(paid))
    episode = reference.episodes[best]
    places = column_indices(episode.layout, unseen)
    spread = np.ptp(np.concatenate([each.rows[:, places] for each in reference.episodes]), axis=0)
    shifted = []
    for share in ELSEWHERE:
        rows = episode.rows.copy()
        rows[:, places] += share * spread
        shifted.append(replace(episode, rows=rows))
    sums = [float(terms.sum()) for terms in episode_terms(source, report, shifted)]
    gain = paid[best] - float(known[0][: episode.length].sum())
    return gain > 0.0 and max(abs(each - paid[best]) for each in sums) <= MUCH * gain


def waited(episode: Episode, part: float) -> Episode:
    """The episode after a wait in its first state, for a part of the horizon."""
    steps = round(part * episode.horizon)
    rows = np.concatenate([np.repeat(episode.rows[:1], steps, axis=0), episode.rows])
    actions = np.concatenate([np.zeros((steps, episode.actions.shape[1])), episode.actions])
    return replace(episode, rows=rows, actions=actions)


def moved_on(episode: Episode, unseen: Sequence[str], part: float) -> Episode:
    """The episode as it would look had it gone on as it does for a part of the horizon: unseen fields have changed."""
    rows = episode.rows.copy()
    places = column_indices(episode.layout, unseen)
    change = (rows[-1, places] - rows[0, places]) / episode.length
    rows[:, places] += part * episode.horizon * change
    return replace(episode, rows=rows)


def _answered(report: CheckReport, said: Verdict) -> CheckReport:
    return report.plus((), {HIDDEN.id: said})


def _known(task: TaskSpec, table: FieldTable) -> tuple[str, ...]:
    """The fields of which the simulator itself knows that the observation leaves them out."""
    return unseen_fields(task, table, SEED) if len(table) else ()


def _what_is_seen(episode: Episode, more: MoreSeen | None) -> FloatArray:
    """What the policy sees in an episode, shape (T+1, numbers)."""
    seen = episode.field(SEEN)
    if more is None:
        return seen
    return np.concatenate([seen, more.during(episode.subset(more.table.names))], axis=1)


def _recorded(task: TaskSpec, table: FieldTable) -> list[Episode]:
    """Short episodes from many starts, with what the policy sees."""
    size = len(table.actions)
    with closing(open_environment(task)) as environment:
        width = int(np.prod(environment.observation_space.shape))
        observed = Field(SEEN, (width,), "1", -np.inf, np.inf, "The observation.", code="observation", judge_only=True)
        dt = step_length(task, environment)
        recorder = StateRecorder(environment, table.with_fields([*table, observed]))
        scripts = [script for _, script in (choosers(size) if table.discrete else controllers(size, dt))]
        return [
            record_episode(recorder, scripts[n % len(scripts)], STEPS, SEED + n, task.horizon, dt)
            for n in range(EPISODES)
        ]


def _field_share(name: str, episodes: Sequence[Episode], seen: Sequence[FloatArray]) -> Share | None:
    """The largest share among the elements of a field; None for what hardly changes in an episode.

    A place that is drawn anew for each episode has as many values as there are episodes: too few to learn it from.
    """
    values = [episode.field(name).reshape(episode.length + 1, -1) for episode in episodes]
    within = np.median([each.var(axis=0) for each in values], axis=0)
    moves = np.flatnonzero(within > WITHIN * np.concatenate(values).var(axis=0))
    shares = [unexplained([each[:, [k]] for each in values], seen) for k in moves]
    return max((share for share in shares if share is not None), default=None)
