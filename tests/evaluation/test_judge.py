"""A policy plays as many episodes as it takes to tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.judge import Play, Played, judge, solved
from reward_synth.tasks.spec import load_task
from tests.evaluation.test_select import episode

TASK = load_task("gym/half_cheetah_run_forward")


def playing(succeeds: Callable[[int], bool], asked: list[int]) -> Play:
    def play(seeds: range) -> Played:
        asked.extend(seeds)
        scores: list[EpisodeScore] = [episode(succeeds(seed), 0.0) for seed in seeds]
        return [], scores

    return play


@pytest.mark.parametrize(
    ("succeeds", "count", "passes"),
    [
        (lambda seed: True, 16, True),
        (lambda seed: False, 8, False),
        (lambda seed: seed % 8 != 0, 64, False),
        (lambda seed: seed != 103, 32, True),
    ],
    ids=["always", "never", "seven-of-eight", "all-but-one"],
)
def test_episodes_are_added_until_they_decide(succeeds: Callable[[int], bool], count: int, passes: bool) -> None:
    asked: list[int] = []
    _, scores = judge(playing(succeeds, asked), 100, TASK)
    assert asked == list(range(100, 100 + count)), "each once, and none is left out"
    assert len(scores) == count and solved(scores, TASK) is passes
