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

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import percent
from reward_synth.core.types import CheckReport, Verdict
from reward_synth.evaluation.play import step_length
from reward_synth.evaluation.prediction import Share, unexplained
from reward_synth.reward.contract import RewardError
from reward_synth.reward.rules import declared
from reward_synth.screening.reference_episodes import SEED, choosers, controllers, record_episode
from reward_synth.screening.terms import episode_terms
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

HIDDEN_RULES = declared("screen", "hidden")
(HIDDEN,) = HIDDEN_RULES.values()
SEEN = "what_the_policy_sees"
EPISODES, STEPS = 24, 100
UNEXPLAINED, MUCH = 0.5, 0.3
"""Shares of the variance, of a field and of the reward, that must stay unexplained, at the lower ends of their
intervals."""
MOST_SEEN = 400
"""Numbers in an observation beyond which nothing is estimated from so few steps."""


class Observed:
    """Short episodes of a task with what the policy sees in them. They are recorded once.

    :raises EnvironmentFault: the environment fails.
    """

    def __init__(self, task: TaskSpec, table: FieldTable) -> None:
        self._task, self._table = task, table
        self._episodes = _recorded(task, table)
        self._seen = [episode.field(SEEN) for episode in self._episodes]
        self._shares: dict[str, Share | None] = {}

    def asked(self, source: str, report: CheckReport) -> CheckReport:
        """The report, with a warning if the reward pays for what the policy cannot see.

        :param report: of the reward, which must be ok.
        """
        if self._seen[0].shape[1] > MOST_SEEN:
            return _answered(report, "not enough data")
        hidden = self._hidden(report.fields)
        if not hidden:
            return _answered(report, "not found" if report.fields else "not applicable")
        try:
            # The reward may read all that was recorded but the observation.
            paid = [steps.sum(axis=1, keepdims=True) for steps in episode_terms(source, report, self._episodes)]
        except RewardError:
            return _answered(report, "could not run")
        both = [
            np.concatenate([looked[:-1], episode.actions, looked[1:]], axis=1)
            for looked, episode in zip(self._seen, self._episodes, strict=True)
        ]
        left = unexplained(paid, both)
        if left is None or left.low <= MUCH:
            return _answered(report, "not found")
        named = ", ".join(f"`{name}` ({percent(min(1.0, each.value))} unexplained)" for name, each in hidden.items())
        finding = HIDDEN.finding(
            f"the policy does not see {named}, and what it sees and does leaves {percent(min(1.0, left.value))} of the "
            f"reward open (shares of the variance in {len(self._episodes)} episodes, each predicted from the others)"
        )
        return report.plus((finding,), {HIDDEN.id: "found"})

    def _hidden(self, names: Sequence[str]) -> dict[str, Share]:
        """Those of the fields that cannot be seen, each with the share of it that stays open."""
        for name in names:
            if name not in self._shares:
                self._shares[name] = _field_share(name, self._episodes, self._seen)
        shares = ((name, self._shares[name]) for name in names)
        hidden = {name: share for name, share in shares if share is not None and share.low > UNEXPLAINED}
        return hidden | dict.fromkeys(_known(self._task, self._table.subset(names)), Share(1.0, 1.0))


def _answered(report: CheckReport, said: Verdict) -> CheckReport:
    return report.plus((), {HIDDEN.id: said})


def _known(task: TaskSpec, table: FieldTable) -> tuple[str, ...]:
    """The fields of which the simulator itself knows that the observation leaves them out."""
    if not len(table):
        return ()
    with closing(open_environment(task)) as environment:
        environment.reset(seed=SEED)
        return get_simulator(task.simulator).unseen(environment, table)


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
    """The largest share among the elements of a field."""
    values = [episode.field(name).reshape(episode.length + 1, -1) for episode in episodes]
    shares = [unexplained([each[:, [k]] for each in values], seen) for k in range(values[0].shape[1])]
    return max((share for share in shares if share is not None), default=None)
