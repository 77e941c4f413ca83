"""What a policy cannot see: fields that a reward reads and the observation does not determine.

A reward on hidden quantities cannot be learnt by a policy that sees one observation at a time. That is estimated from
recorded episodes: a field is predicted from the observation, in episodes that were not fitted, by a linear model and
by the nearest neighbours, and the better one counts. What neither explains is called hidden. A difference of a hidden
place is harmless if the observation shows the speed. So the same is asked of each term: is it determined by what is
seen before and after the step, and by the action?
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np

from reward_synth.audit.rules import AUDIT
from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import CheckReport, Verdict
from reward_synth.evaluation.play import step_length
from reward_synth.evaluation.prediction import Share, unexplained
from reward_synth.reward.contract import RewardError
from reward_synth.screening.reference_episodes import SEED, choosers, controllers, record_episode
from reward_synth.screening.terms import episode_terms
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

HIDDEN = AUDIT["hidden-field"]
SEEN = "what_the_policy_sees"
EPISODES, STEPS = 24, 100
UNEXPLAINED = 0.5
"""Share of the variance that must stay unexplained, at the lower end of its interval."""
MOST_SEEN = 400
"""Numbers in an observation beyond which nothing is estimated from so few steps."""


def hidden_findings(source: str, report: CheckReport, task: TaskSpec, table: FieldTable) -> CheckReport:
    """The report, with a warning if the reward pays for what the policy cannot see.

    :param report: of the reward, which must be ok.
    :raises EnvironmentFault: the environment fails.
    """
    episodes = _recorded(task, table)
    seen = [episode.field(SEEN) for episode in episodes]
    if seen[0].shape[1] > MOST_SEEN:
        return _answered(report, "not enough data")
    fields = {name: _field_share(name, episodes, seen) for name in report.fields}
    hidden = {name: share for name, share in fields.items() if share is not None and share.low > UNEXPLAINED}
    hidden |= dict.fromkeys(_known(task, table.subset(report.fields)), Share(1.0, 1.0))
    if not hidden:
        return _answered(report, "not found" if report.fields else "not applicable")
    try:
        # The reward may read all that was recorded but the observation.
        terms = episode_terms(source, report, episodes)
    except RewardError:
        return _answered(report, "could not run")
    both = [
        np.concatenate([looked[:-1], episode.actions, looked[1:]], axis=1)
        for looked, episode in zip(seen, episodes, strict=True)
    ]
    paid = {name: unexplained([each[:, [k]] for each in terms], both) for k, name in enumerate(report.terms)}
    unknown = {name: share for name, share in paid.items() if share is not None and share.low > UNEXPLAINED}
    if not unknown:
        return _answered(report, "not found")
    finding = HIDDEN.finding(
        f"the policy does not see {_listed(hidden)}, and what it sees and does leaves {_listed(unknown)} open "
        f"(shares of the variance in {len(episodes)} episodes, each predicted from the others)"
    )
    return report.plus((finding,), {HIDDEN.id: "found"})


def _answered(report: CheckReport, said: Verdict) -> CheckReport:
    return report.plus((), {HIDDEN.id: said})


def _listed(shares: dict[str, Share]) -> str:
    return ", ".join(f"`{name}` ({min(1.0, each.value):.0%} unexplained)" for name, each in shares.items())


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
