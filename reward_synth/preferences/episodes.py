"""The recorded episodes of a run: what evaluations played, and the reference episodes.

Everything else records reference episodes anew when it needs them. They are kept in the run folder from the moment at
which a person compares episodes, because the person's answers name them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reward_synth.core.files import write_json
from reward_synth.core.types import EpisodeScore, Value
from reward_synth.screening.reference_episodes import ReferenceEpisodes, record_reference_episodes
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.store.folder import read_value
from reward_synth.tasks.spec import TaskSpec

REFERENCE = "reference"
MOST = 100
"""Episodes that are compared at most. A person watches far fewer, and a reward runs on all of them as it is edited."""


@dataclass(frozen=True, eq=False)
class StoredEpisode:
    """A recorded episode with the task's score."""

    id: str
    """``001-c/seed-0-episode-003``, or ``reference/007``."""
    candidate: str | None
    """The candidate whose policy played it; None for a reference episode."""
    episode: Episode
    score: EpisodeScore
    path: Path
    """Its file."""

    @property
    def cut_short(self) -> bool:
        """True if the recording ends before the horizon although the environment would have gone on."""
        return not self.episode.terminated and self.episode.length < self.episode.horizon


@dataclass(frozen=True)
class Listed:
    """A recorded episode that has not been read."""

    id: str
    candidate: str | None
    path: Path
    score: EpisodeScore


class ReferenceScores(Value):
    """``reference/scores.json``, which is written last."""

    scores: tuple[EpisodeScore, ...]
    experts: int


def keep_reference_episodes(store: RunStore, reference: ReferenceEpisodes) -> None:
    """Write the reference episodes into the run folder, unless they are there."""
    marker = store.reference_dir / "scores.json"
    if marker.exists():
        return
    for number, episode in enumerate(reference.episodes):
        episode.save(_reference_path(store, number))
    kept = ReferenceScores(scores=reference.scores, experts=reference.experts)
    write_json(marker, kept.model_dump(mode="json"))


def ensure_reference_episodes(store: RunStore, task: TaskSpec, table: FieldTable) -> None:
    """Record the reference episodes and keep them, unless they are there. It takes a second or two.

    :raises EnvironmentFault: the environment fails, or gives a number that is not finite.
    :raises RewardSynthError: the environment cannot be made.
    """
    if not (store.reference_dir / "scores.json").exists():
        keep_reference_episodes(store, record_reference_episodes(task, table))


def listed_episodes(store: RunStore) -> dict[str, list[Listed]]:
    """All recorded episodes by where they come from: the reference episodes, then the candidates, best ones first.

    :raises RewardSynthError: a result was changed.
    """
    found = {REFERENCE: list(_reference(store))}
    for candidate in sorted(store.candidates(), key=lambda each: each.score, reverse=True):
        found[candidate.id] = list(played_episodes(store, candidate.id))
    return {source: episodes for source, episodes in found.items() if episodes}


def stored_episodes(
    store: RunStore, table: FieldTable, most: int = MOST, always: Collection[str] = ()
) -> tuple[StoredEpisode, ...]:
    """Read a run's recorded episodes; each source gets an equal share of ``most``, spread evenly over its episodes.

    Episodes with other fields than ``table``, which an earlier version recorded, are left out.

    :param always: ids of episodes that are read in any case, because a person has judged them.
    :raises RewardSynthError: a file is not an episode.
    """
    chosen = _fair_choice(listed_episodes(store), most, always)
    read = [StoredEpisode(each.id, each.candidate, Episode.load(each.path), each.score, each.path) for each in chosen]
    return tuple(each for each in read if each.episode.layout == table.layout())


def _fair_choice(listed: dict[str, list[Listed]], most: int, always: Collection[str]) -> list[Listed]:
    wanted = set(always)
    kept = {source: [each for each in episodes if each.id in wanted] for source, episodes in listed.items()}
    others = {source: [each for each in episodes if each.id not in wanted] for source, episodes in listed.items()}
    shares = _shares([len(episodes) for episodes in others.values()], most - sum(map(len, kept.values())))
    chosen: list[Listed] = []
    for (source, episodes), share in zip(others.items(), shares, strict=True):
        spread = np.linspace(0, len(episodes) - 1, share).round().astype(int)
        taken = {each.id for each in kept[source]} | {episodes[place].id for place in spread}
        chosen += [each for each in listed[source] if each.id in taken]
    return chosen


def _shares(counts: list[int], total: int) -> list[int]:
    """How many each source gets: one after the other gets one more, as long as it has one."""
    shares = [0] * len(counts)
    while total > 0 and shares != counts:
        for place, count in enumerate(counts):
            if shares[place] < count and total > 0:
                shares[place] += 1
                total -= 1
    return shares


def _reference(store: RunStore) -> Iterator[Listed]:
    kept = read_value(store.reference_dir / "scores.json", ReferenceScores)
    for number, score in enumerate(kept.scores if kept else ()):
        path = _reference_path(store, number)
        yield Listed(f"{REFERENCE}/{path.stem}", None, path, score)


def _reference_path(store: RunStore, number: int) -> Path:
    return store.reference_dir / f"{number:03d}.npz"


def played_episodes(store: RunStore, candidate: str) -> Iterator[Listed]:
    """The episodes of a candidate's evaluations. Some of the files may be missing, as in a run that was thinned out."""
    for index, result in store.results_by_seed(candidate).items():
        scores = result.episodes
        for path in episode_paths(store.trajectories_dir(candidate), index):
            number = int(path.stem.rpartition("-")[2])
            if number < len(scores):
                yield Listed(f"{candidate}/{path.stem}", candidate, path, scores[number])
