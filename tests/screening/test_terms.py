"""A reward's calls may share one locked process, and say the same as if each had its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest

from reward_synth.reward.contract import RewardError
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.terms import episode_terms, kept_processes
from reward_synth.tasks.spec import load_task

PLAIN = (
    "def compute_reward(state, action, next_state):\n    return {'near': -float(abs(next_state.target_position[0]))}\n"
)
FAILS = PLAIN.replace(
    "-float(abs(next_state.target_position[0]))", "1.0 / (0.0 * float(next_state.target_position[0]))"
)
COUNTS = """
def compute_reward(state, action, next_state, memory):
    memory["steps"] = memory.get("steps", 0) + 1
    return {"steps": float(memory["steps"])}
"""


@pytest.fixture(scope="module")
def checker() -> RewardChecker:
    return RewardChecker.of(load_task("gym/reacher_reach"))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The process ids of the rewards that are started."""
    pids: list[int] = []
    start = RewardProcess.__init__

    def init(process: RewardProcess, *given: object, **named: object) -> None:
        start(process, *given, **named)  # type: ignore[arg-type]
        pids.append(process.pid)

    monkeypatch.setattr(RewardProcess, "__init__", init)
    yield pids


@pytest.mark.parametrize("source", [PLAIN, COUNTS], ids=["plain", "with-memory"])
@pytest.mark.parametrize("keeps", [True, False])
def test_calls_share_a_process_and_say_the_same(
    checker: RewardChecker, started: list[int], source: str, keeps: bool
) -> None:
    report, episodes = checker.check(source), checker.reference_episodes.episodes
    alone = [np.concatenate(episode_terms(source, report, part)) for part in (episodes, episodes[:3], episodes)]
    started.clear()
    with kept_processes() if keeps else nullcontext():
        found = [np.concatenate(episode_terms(source, report, part)) for part in (episodes, episodes[:3], episodes)]
        assert len(started) == (1 if keeps else 3)
    for one, other in zip(alone, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_process_whose_call_failed_is_not_asked_again(checker: RewardChecker, started: list[int]) -> None:
    report, episodes = checker.check(PLAIN), checker.reference_episodes.episodes
    started.clear()
    with kept_processes():
        for _ in range(2):
            with pytest.raises(RewardError, match="division by zero"):
                episode_terms(FAILS, report, episodes)
        episode_terms(PLAIN, report, episodes)
    assert len(started) == 3


def test_kept_processes_end_with_the_block(checker: RewardChecker, started: list[int]) -> None:
    report, episodes = checker.check(PLAIN), checker.reference_episodes.episodes
    started.clear()
    with kept_processes():
        episode_terms(PLAIN, report, episodes[:1])
    episode_terms(PLAIN, report, episodes[:1])
    assert len(started) == 2
