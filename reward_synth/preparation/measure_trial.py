"""Tries success and fitness on episodes whose behaviour is known: aimless ones, and those of scripted experts.

If aimless behaviour satisfies a measure, every reward looks good. If a measure contradicts itself, the wrong reward
looks good. A person gets these findings about their own task; a model's draft goes back to the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.names import START
from reward_synth.core.types import EpisodeScore, Finding
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.reward.probe_rules import PROBE
from reward_synth.screening.ranks import rank_correlation
from reward_synth.screening.reference_episodes import (
    STEPS,
    ReferenceEpisodes,
    record_full_length,
    record_reference_episodes,
)
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.state.view import column_indices
from reward_synth.tasks.spec import TaskSpec

BY_CHANCE = 0.1
"""A draft is refused if more than this share of the aimless episodes succeeds."""
DIFFERENT = 0.1
"""Two drafts may disagree on up to this share of the recorded episodes."""
ORDERED = 0.5
"""A fitness contradicts success if the successful episode has the higher one in at most this share of all pairs."""
REVERSED = -0.3
"""Two drafts want the opposite if the rank correlation of their fitness is below this. They may well rank failures
differently: for thirty unrelated episodes, the correlation is above this in nineteen of twenty cases."""
PAIRS = 3
"""Comparing them by fitness needs at least so many successful and so many failed episodes."""
DOUBTS = frozenset(
    PROBE[name].id
    for name in (
        "always-successful",
        "success-at-rest",
        "success-by-chance",
        "constant-fitness",
        "fitness-against-success",
        "drafts-disagree",
        "no-second-draft",
        "measure-falls-short",
    )
)
"""Rules whose findings make a draft doubtful: it runs, but measures the wrong thing."""
STARTS = 12
"""So many recorded episodes are judged again with the start of another one."""
MATTERS = 0.2
"""A start counts if another one changes the fitness by more than this share of what it differs between episodes."""
LONGEST_CHECKED = 5_000
"""Episodes of up to this many steps are also played to their end, at rest and at random."""


@dataclass(frozen=True)
class Trial:
    """The scores of all recorded episodes of a task."""

    scripted: tuple[EpisodeScore, ...]
    """Short aimless episodes; in the first, the robot does nothing."""
    longer: tuple[EpisodeScore, ...]
    """Full-length aimless episodes; in the first, the robot does nothing. Empty if the short ones are as long."""
    experts: tuple[EpisodeScore, ...]

    @classmethod
    def of(cls, reference: ReferenceEpisodes, longer: Sequence[EpisodeScore]) -> Trial:
        """The trial of the recorded episodes."""
        count = len(reference.aimless)
        return cls(reference.scores[:count], tuple(longer), reference.scores[count:])

    @property
    def aimless(self) -> tuple[EpisodeScore, ...]:
        """All aimless episodes. A short one cannot succeed by lasting, so the long ones are needed too."""
        return (*self.scripted, *self.longer)

    @property
    def falls(self) -> bool:
        """True if the environment ended an aimless episode that failed."""
        return any(each.fell for each in self.aimless)

    @property
    def scores(self) -> tuple[EpisodeScore, ...]:
        """The scores of all episodes."""
        return (*self.aimless, *self.experts)

    def own_limit(self, horizon: int) -> int | None:
        """Steps after which the environment itself ends every episode that nothing else ends, before the horizon.

        Some report that as a failure. So it counts too if all episodes end so, whatever was done in them.
        """
        ran = [(each, min(STEPS, horizon)) for each in self.scripted] + [(each, horizon) for each in self.longer]
        lengths = {each.length for each, asked in ran if each.length < asked and not each.terminated}
        if not lengths and all(each.length < asked for each, asked in ran):
            lengths = {each.length for each, _ in ran}
        return lengths.pop() if len(lengths) == 1 else None

    def doubts(self) -> Iterator[Finding]:
        """Findings against the measures. An error must be handled; a warning may have a good reason."""
        yield from self._success()
        yield from self._fitness()

    def _success(self) -> Iterator[Finding]:
        passed, count = sum(each.success for each in self.aimless), len(self.aimless)
        if passed == count:
            message = f"success is true in all {passed} aimless episodes, doing nothing among them"
            yield PROBE["always-successful"].finding(f"{message}: any reward would solve this")
        elif any(each.success for each in (self.scripted[0], *self.longer[:1])):
            yield PROBE["success-at-rest"].finding("success is true for doing nothing")
        elif passed:
            rule = PROBE["success-by-chance" if passed > BY_CHANCE * count else "success-now-and-then"]
            yield rule.finding(f"success is true in {passed} of {count} aimless episodes")
        if self.experts and not any(each.success_any for each in self.experts):
            count = len(self.experts)
            yield PROBE["expert-fails"].finding(f"success is never true in {count} episodes of the scripted expert")
        elif self.experts and not any(each.success for each in self.experts):
            held = sum(each.success_any for each in self.experts)
            message = f"success holds at some step of {held} of {len(self.experts)} episodes of the scripted expert"
            yield PROBE["expert-loses-it"].finding(f"{message}, and at the end of none")

    def _fitness(self) -> Iterator[Finding]:
        values = np.array([each.fitness for each in self.scores])
        if np.ptp(values) == 0:
            message = f"fitness is {values[0]:g} in all {len(values)} recorded episodes"
            yield PROBE["constant-fitness"].finding(message)
            return
        successful = np.array([each.success or each.success_any for each in self.scores])
        if min(successful.sum(), (~successful).sum()) < PAIRS:
            return
        share = share_of_pairs(values, successful)
        if share <= ORDERED:
            message = (
                f"of {successful.sum()} successful and {(~successful).sum()} failed episodes, the successful one has "
                f"the higher fitness in {share:.0%} of all pairs only"
            )
            yield PROBE["fitness-against-success"].finding(message)


def disagreement(first: Trial, second: Trial) -> Finding | None:
    """A finding if two drafts of one goal judge the same episodes differently; None if they agree.

    It detects a goal with two readings, a wrong sign, and a threshold that nothing reaches.
    """
    ours, theirs = ([each.success for each in trial.scores] for trial in (first, second))
    different = sum(a != b for a, b in zip(ours, theirs, strict=True))
    order = rank_correlation(*(np.array([each.fitness for each in trial.scores]) for trial in (first, second)))
    if different > DIFFERENT * len(ours):
        message = (
            f"a second draft calls {different} of {len(ours)} recorded episodes the opposite: one of them is wrong"
        )
    elif order is not None and order < REVERSED:
        message = f"a second draft ranks the recorded episodes the other way round (rank correlation {order:+.2f})"
    else:
        return None
    return PROBE["drafts-disagree"].finding(message)


def share_of_pairs(values: FloatArray, chosen: NDArray[np.bool_]) -> float:
    """The share of pairs in which the chosen item has a larger value than the other; a tie counts half.

    This is Mann and Whitney's U divided by the number of pairs.

    :param values: shape (n,).
    :param chosen: shape (n,); at least one is true and one is false.
    """
    ours, others = values[chosen][:, None], values[~chosen][None]
    return float(np.mean((ours > others) + 0.5 * (ours == others)))


def full_length(task: TaskSpec, table: FieldTable) -> list[Episode]:
    """Record full-length episodes at rest and at random. There are none if the short ones are as long, or if the
    horizon exceeds :data:`LONGEST_CHECKED`.
    """
    return record_full_length(task, table) if STEPS < task.horizon <= LONGEST_CHECKED else []


class KnownEpisodes:
    """The episodes on which all drafts are tried; they are recorded once."""

    def __init__(self, task: TaskSpec, table: FieldTable) -> None:
        self._table = table
        self.reference = record_reference_episodes(task, table)
        self.longer = full_length(task, table)

    @property
    def aimless(self) -> list[Episode]:
        """The aimless episodes, the long ones last."""
        return [*self.reference.aimless, *self.longer]

    @property
    def experts(self) -> tuple[Episode, ...]:
        """The episodes of the scripted experts, if there are any."""
        return self.reference.episodes[len(self.reference.aimless) :]

    def unseen_start(self, task: TaskSpec) -> Iterator[Finding]:
        """A finding if the measures compare with a start that differs between episodes and is shown to no policy.

        Two episodes that are alike from some step on would have to be ended differently. No policy can know how.

        :raises RewardError: success or fitness fails on an episode.
        """
        measured = measured_table(task, self._table).for_rewards().names
        hidden = [name for name in measured if f"{START}{name}" not in task.environment.observes]
        before = score_episodes(task, self._table, self.reference.aimless[:STARTS])
        if not self._counts(task, hidden, before):
            return
        named = [name for name in hidden if self._counts(task, [name], before)] or hidden
        told = ", ".join(f"`{name}`" for name in named)
        yield PROBE["unseen-start"].finding(f"it matters how {told} began, and policies see the present alone")

    def _counts(self, task: TaskSpec, names: Sequence[str], before: Sequence[EpisodeScore]) -> bool:
        """True if episodes are judged otherwise than ``before`` when these fields start as in another one of them."""
        episodes = self.reference.aimless[:STARTS]
        others = []
        for episode, other in zip(episodes, (*episodes[1:], *episodes[:1]), strict=True):
            rows, columns = episode.rows.copy(), column_indices(episode.layout, names)
            rows[0, columns] = other.rows[0, columns]
            others.append(replace(episode, rows=rows))
        after = score_episodes(task, self._table, others)
        fitness, changed = (np.array([each.fitness for each in some]) for some in (before, after))
        turned = any(one.success != two.success for one, two in zip(before, after, strict=True))
        return turned or bool(np.abs(changed - fitness).max() > MATTERS * np.ptp(fitness))

    def trial(self, task: TaskSpec) -> Trial:
        """Score the episodes by a draft.

        :raises RewardError: success or fitness fails on an episode.
        """
        short = self.reference.episodes
        scores = score_episodes(task, self._table, [*short, *self.longer])
        reference = ReferenceEpisodes(short, tuple(scores[: len(short)]), self.reference.experts)
        return Trial.of(reference, scores[len(short) :])
