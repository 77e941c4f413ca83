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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reward_synth.audit.rules import AUDIT
from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import CheckReport, Verdict
from reward_synth.evaluation.play import step_length
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
EPISODES, STEPS, FOLDS = 24, 100, 4
UNEXPLAINED = 0.5
"""Share of the variance that must stay unexplained, at the lower end of its interval."""
NEIGHBOURS, RIDGE = 5, 1e-4
RESAMPLES, LOWER = 200, 0.025
RARE = 0.2
"""Share of the steps in which a quantity must differ from its most frequent value. A contact now and then says nothing:
the few steps in which it is made are not enough to predict it from."""
MOST_PAIRED = 32
"""Numbers of which each two are multiplied."""
MOST_SEEN = 400
"""Numbers in an observation beyond which nothing is estimated from so few steps."""


class Share(NamedTuple):
    """The share of a quantity's variance that is not explained, and the lower end of its 95 % interval."""

    value: float
    low: float


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


def unexplained(values: Sequence[FloatArray], seen: Sequence[FloatArray]) -> Share | None:
    """How much of a quantity cannot be predicted from what is seen.

    :param values: (T, 1) of each episode.
    :param seen: (T, D) of each episode.
    :returns: None if the quantity is nearly always the same.
    """
    target = np.concatenate(values)[:, 0]
    if float((np.abs(target - np.median(target)) > 1e-9 * (1.0 + np.abs(target).max())).mean()) < RARE:
        return None
    of = np.repeat(np.arange(len(values)), [len(each) for each in values])
    known = np.concatenate(seen)
    spread = known.std(axis=0)
    known = (known - known.mean(axis=0))[:, spread > 1e-9] / spread[spread > 1e-9]
    errors = np.zeros((2, len(target)))
    for fold in range(FOLDS):
        out = of % FOLDS == fold
        for place, predict in enumerate((_linear, _nearest)):
            errors[place, out] = (target[out] - predict(known[~out], target[~out], known[out])) ** 2
    better = errors[int(np.argmin(errors.sum(axis=1)))]
    deviation = (target - target.mean()) ** 2
    parts = np.array([[better[of == n].sum(), deviation[of == n].sum()] for n in range(len(values))])
    drawn = np.random.default_rng(0).integers(len(parts), size=(RESAMPLES, len(parts)))
    sums = parts[drawn].sum(axis=1)
    ratios = sums[:, 0] / np.maximum(sums[:, 1], 1e-300)
    whole = parts.sum(axis=0)
    return Share(float(whole[0] / whole[1]), float(np.quantile(ratios, LOWER)))


def _linear(known: FloatArray, target: FloatArray, asked: FloatArray) -> FloatArray:
    """Least squares over the numbers and their products, with a slight pull to 0: a hand's speed is one of these."""
    one, other = _products(known), _products(asked)
    weights = np.linalg.solve(one.T @ one + RIDGE * len(one) * np.eye(one.shape[1]), one.T @ target)
    predicted: FloatArray = other @ weights
    return np.clip(predicted, target.min(), target.max())


def _products(part: FloatArray) -> FloatArray:
    """1, the numbers, and the product of each two, or their squares where there are many."""
    size = part.shape[1]
    first, second = np.triu_indices(size) if size <= MOST_PAIRED else (np.arange(size),) * 2
    return np.concatenate([np.ones((len(part), 1)), part, part[:, first] * part[:, second]], axis=1)


def _nearest(known: FloatArray, target: FloatArray, asked: FloatArray) -> FloatArray:
    """The mean of the nearest neighbours."""
    squares = (asked**2).sum(axis=1)[:, None] - 2.0 * asked @ known.T + (known**2).sum(axis=1)
    nearest: NDArray[np.intp] = np.argpartition(squares, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    predicted: FloatArray = target[nearest].mean(axis=1)
    return predicted
