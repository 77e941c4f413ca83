"""Plays as many episodes as it takes to decide whether a policy solves its task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.select import MOST_EPISODES, is_decided, solves
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec

Played = tuple[list[Episode], list[EpisodeScore]]
Play = Callable[[range], Played]
"""Plays one episode for each seed, and scores it."""


def judge(play: Play, first: int, task: TaskSpec) -> Played:
    """Play the task's number of episodes, and more while the result is undecided; at most :data:`MOST_EPISODES`.

    :param first: seed of the first episode; the others follow.
    """
    episodes: list[Episode] = []
    scores: list[EpisodeScore] = []
    count = task.evaluation.episodes
    while True:
        new = play(range(first + len(scores), first + count))
        episodes, scores = episodes + new[0], scores + new[1]
        if count >= MOST_EPISODES or is_decided(_successes(scores), count, task.success_threshold):
            return episodes, scores
        count = min(2 * count, MOST_EPISODES)


def solved(scores: Sequence[EpisodeScore], task: TaskSpec) -> bool:
    """True if the episodes show that the policy solves the task."""
    return solves(_successes(scores), len(scores), task.success_threshold)


def _successes(scores: Sequence[EpisodeScore]) -> int:
    return sum(each.success for each in scores)
