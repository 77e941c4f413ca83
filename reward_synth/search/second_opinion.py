"""Judges the winner a second time, by an independent draft of success that the search never used.

Two drafts that agree on the recorded episodes may still differ on a trained policy: one may have a loophole, or a
tolerance that nothing can reach.
"""

from __future__ import annotations

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.scoring import score_episodes
from reward_synth.preparation.measure_trial import DIFFERENT
from reward_synth.reward.contract import RewardError
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task


def dispute(store: RunStore, table: FieldTable, candidate: str) -> str | None:
    """A text if the second draft and the task's measure disagree on a candidate's evaluation episodes.

    :param table: all fields.
    :return: None if they agree, or if there is no second draft.
    """
    if not store.second_opinion_path.exists():
        return None
    ours: list[bool] = []
    episodes: list[Episode] = []
    for index in range(store.settings().seeds):
        if (result := store.read_result(candidate, index)) is not None:
            ours += [episode.success for episode in result.episodes]
            episodes += store.episodes(candidate, index)
    if not episodes or len(episodes) != len(ours):
        return None
    try:
        scores = score_episodes(load_task(store.second_opinion_path), table, episodes)
    except (RewardError, RewardSynthError):
        return None  # A draft that fails on a policy's episodes decides nothing.
    theirs = [score.success for score in scores]
    if sum(a != b for a, b in zip(ours, theirs, strict=True)) <= DIFFERENT * len(ours):
        return None
    return (
        f"of {len(ours)} evaluation episodes of {candidate}, the task's measure calls {sum(ours)} a success, and an "
        f"independent draft of it {sum(theirs)}: one of them misses what you want. Compare {store.task_path.name} with "
        f"{store.second_opinion_path.name}, and look at the episodes"
    )
