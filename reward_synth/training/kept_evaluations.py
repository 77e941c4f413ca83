"""``evaluations.npz``: an episode of each evaluation in a training, so that a film can show what was learnt when.

It holds seeds and actions. States are made again when the episode is played again; only the last one is kept, which
shows whether it went as before.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import written_whole
from reward_synth.core.npz import write_npz
from reward_synth.core.types import EpisodeScore, EvaluationPoint, Value
from reward_synth.state.episode import Episode
from reward_synth.state.view import Layout

MOST = 20
"""Evaluations of one training."""
LONGEST = 500
"""Steps of an episode, from its start: more than a film shows of it."""


@dataclass(frozen=True, eq=False)
class KeptEvaluation:
    """One evaluation, and its first episode. All evaluations of a training begin that one from the same seed."""

    point: EvaluationPoint
    score: EpisodeScore
    """Of the episode as a whole."""
    episode: Episode
    """Its first :data:`LONGEST` steps; the states are NaN but for the last, which has the fields of the measures."""

    @classmethod
    def of(cls, point: EvaluationPoint, score: EpisodeScore, played: Episode) -> KeptEvaluation:
        """What is kept of an evaluation and of the episode ``played`` in it."""
        length = min(played.length, LONGEST)
        rows = np.full((length + 1, played.rows.shape[1]), np.nan)
        rows[-1] = played.rows[length]
        ended = played.terminated and length == played.length
        return cls(point, score, replace(played, rows=rows, actions=played.actions[:length].copy(), terminated=ended))


class _Common(Value):
    """What all episodes of a training share."""

    layout: Layout
    dt: float
    horizon: int


class _Facts(Value):
    """What is kept of an evaluation besides arrays."""

    point: EvaluationPoint
    score: EpisodeScore
    seed: int
    length: int
    terminated: bool


_ALL_FACTS = TypeAdapter(tuple[_Facts, ...])


def thinned(evaluations: Sequence[KeptEvaluation]) -> list[KeptEvaluation]:
    """At most :data:`MOST` of the evaluations, evenly spread over the training; always the first and the last."""
    left = list(evaluations)
    while len(left) > MOST:
        gaps = [left[index + 1].point.step - left[index - 1].point.step for index in range(1, len(left) - 1)]
        del left[1 + int(np.argmin(gaps))]
    return left


def write_evaluations(path: Path, evaluations: Sequence[KeptEvaluation]) -> None:
    """Write the file, whole or not at all. There must be an evaluation, and all are of one training."""
    episodes = [each.episode for each in evaluations]
    first = episodes[0]
    facts = tuple(
        _Facts(point=kept.point, score=kept.score, seed=each.seed, length=each.length, terminated=each.terminated)
        for kept, each in zip(evaluations, episodes, strict=True)
    )
    actions = np.concatenate([episode.actions for episode in episodes])
    narrow = actions.astype(np.float32)
    with written_whole(path) as file:
        write_npz(
            file,
            # Policies act in single precision. Only bounds of an environment of one's own may be finer.
            actions=narrow if np.array_equal(narrow, actions) else actions,
            ends=np.stack([episode.rows[-1] for episode in episodes]),
            common=np.array(_Common(layout=first.layout, dt=first.dt, horizon=first.horizon).model_dump_json()),
            facts=np.array(_ALL_FACTS.dump_json(facts).decode()),
        )


def read_evaluations(path: Path) -> list[KeptEvaluation]:
    """Read what :func:`write_evaluations` wrote; empty if there is no such file.

    :raises RewardSynthError: it holds something else.
    """
    if not path.exists():
        return []
    try:
        with np.load(path, allow_pickle=False) as archive:
            actions, ends = archive["actions"], archive["ends"]
            common = _Common.model_validate_json(str(archive["common"]))
            facts = _ALL_FACTS.validate_json(str(archive["facts"]))
        cuts = np.cumsum([each.length for each in facts])[:-1]
        parts = zip(facts, np.split(actions, cuts), ends, strict=True)
        return [_restored(each, common, done, end) for each, done, end in parts]
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise RewardSynthError(f"cannot read the evaluations {path}: {error}", "delete the file") from error


def _restored(facts: _Facts, common: _Common, actions: FloatArray, end: FloatArray) -> KeptEvaluation:
    rows = np.full((facts.length + 1, len(end)), np.nan)
    rows[-1] = end
    episode = Episode(
        layout=common.layout, rows=rows, actions=actions, dt=common.dt, horizon=common.horizon, seed=facts.seed,
        terminated=facts.terminated,
    )  # fmt: skip
    return KeptEvaluation(facts.point, facts.score, episode)
