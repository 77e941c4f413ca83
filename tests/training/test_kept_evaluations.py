"""What a training keeps of its evaluations for films: little, and enough to play an episode again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import EpisodeScore, EvaluationPoint
from reward_synth.state.episode import Episode
from reward_synth.training.kept_evaluations import (
    LONGEST,
    MOST,
    KeptEvaluation,
    read_evaluations,
    thinned,
    write_evaluations,
)

LAYOUT = (("x", ()), ("place", (3,)))


def kept(step: int, length: int = 5, actions: int = 2, kind: type = np.float32) -> KeptEvaluation:
    generator = np.random.default_rng(step)
    episode = Episode(
        layout=LAYOUT,
        rows=generator.normal(size=(length + 1, 4)),
        actions=generator.normal(size=(length, actions)).astype(kind).astype(np.float64),
        dt=0.1,
        horizon=length,
        seed=step,
        terminated=True,
    )
    point = EvaluationPoint(
        step=step,
        success=0.5,
        success_any=0.5,
        fitness=step / 7,
        episode_length=length,
        reward=0.1,
        fitness_deviation=1.0,
    )
    score = EpisodeScore(success=True, success_any=True, fitness=2.0, length=length, terminated=True)
    return KeptEvaluation.of(point, score, episode)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_is_read_is_what_was_kept(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "evaluations.npz"
    assert read_evaluations(path) == []
    wrote = [kept(100, length=5, kind=kind), kept(200, length=1, kind=kind)]
    write_evaluations(path, wrote)
    for before, after in zip(wrote, read_evaluations(path), strict=True):
        assert (after.point, after.score) == (before.point, before.score)
        one, other = before.episode, after.episode
        assert (other.seed, other.dt, other.terminated, other.layout) == (one.seed, 0.1, True, LAYOUT)
        # To the last bit: a step that differs a little ends somewhere else.
        assert np.array_equal(other.actions, one.actions)
        assert np.array_equal(other.rows[-1], one.rows[-1]) and np.isnan(other.rows[:-1]).all()
    assert np.load(path)["actions"].dtype == kind


def test_a_long_training_of_long_episodes_stays_small(tmp_path: Path) -> None:
    evaluations: list[KeptEvaluation] = []
    for step in range(1, 41):
        evaluations = thinned([*evaluations, kept(step, length=10_000, actions=17)])
    steps = [each.point.step for each in evaluations]
    assert len(steps) == MOST and (steps[0], steps[-1]) == (1, 40)
    assert max(np.diff(steps)) <= 4, "evenly spread"
    assert {each.episode.length for each in evaluations} == {LONGEST}
    # A part of an episode has not ended, and its last state is the one after its last step.
    assert not any(each.episode.terminated for each in evaluations)
    write_evaluations(tmp_path / "evaluations.npz", evaluations)
    # Noise, which cannot be compressed.
    assert (tmp_path / "evaluations.npz").stat().st_size < 1.01 * MOST * LONGEST * 17 * 4


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04"])
def test_another_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "evaluations.npz"
    path.write_bytes(content)
    with pytest.raises(RewardSynthError, match="cannot read the evaluations"):
        read_evaluations(path)
