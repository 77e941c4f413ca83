"""Decides which candidate is better, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from reward_synth.core.types import Candidate, TrainResult
from reward_synth.tasks.spec import TaskSpec

UNKNOWN = -2.0
"""Stands for the agreement of a reward that has none. It is below the lowest one."""
_NOTHING: Mapping[str, float] = MappingProxyType({})
Z_95 = 1.959964
MARGIN = 0.15
"""The true success rate of a solved task may lie this far below the threshold, at 95 % confidence."""
MOST_EPISODES = 64
"""The largest number of episodes of one evaluation, used if fewer do not decide."""
FINAL_EPISODES = 32
"""Fewest episodes per policy in a final training. At a threshold of 0.9, the share alone decides from here."""


def best_candidate(candidates: Iterable[Candidate], agreed: Mapping[str, float] = _NOTHING) -> Candidate | None:
    """The trained candidate with the highest task success, then fitness; the earlier one on a tie.

    :param agreed: how well the candidates' rewards agree with the person, if the person selects. This comes before
        success; a candidate that is not listed comes last.
    """
    trained = [candidate for candidate in candidates if candidate.status == "trained"]
    return max(sorted(trained, key=lambda c: c.id), key=lambda c: (agreed.get(c.id, UNKNOWN), c.score), default=None)


def is_solved(candidate: Candidate | None, task: TaskSpec) -> bool:
    """True if a candidate's evaluation episodes show that it solves its task; see :func:`solves`."""
    if candidate is None or candidate.success is None:
        return False
    if not candidate.episodes:
        # Earlier versions did not count the episodes and compared the success rate alone.
        return candidate.success >= task.success_threshold
    return solves(round(candidate.success * candidate.episodes), candidate.episodes, task.success_threshold)


def is_promising(candidate: Candidate | None, task: TaskSpec) -> bool:
    """True if a candidate may solve the task, but its episodes do not yet show that it does."""
    if candidate is None or not candidate.episodes or not candidate.success or is_solved(candidate, task):
        return False
    failures = round((1.0 - candidate.success) * candidate.episodes)
    return 1.0 - lower_bound(failures, candidate.episodes) >= task.success_threshold


def solves(successes: int, count: int, threshold: float) -> bool:
    """True if the share of successes reaches the threshold and there are enough episodes: with 95 % confidence, the
    true share is at most :data:`MARGIN` below the threshold.
    """
    return successes >= threshold * count and lower_bound(successes, count) >= threshold - MARGIN


def is_decided(successes: int, count: int, threshold: float) -> bool:
    """True if this many episodes decide whether a policy solves its task."""
    return solves(successes, count, threshold) or 1.0 - lower_bound(count - successes, count) < threshold


def lower_bound(successes: int, count: int, confidence: float = 0.95) -> float:
    """One-sided lower bound of a share (Clopper and Pearson 1934): a smaller share makes so many successes unlikely."""
    if successes == 0:
        return 0.0
    low, high = 0.0, successes / count
    for _ in range(50):
        share = (low + high) / 2
        tail = sum(math.comb(count, k) * share**k * (1.0 - share) ** (count - k) for k in range(successes, count + 1))
        low, high = (share, high) if tail < 1.0 - confidence else (low, share)
    return low


def with_results(candidate: Candidate, results: Sequence[TrainResult], full_steps: int = 0) -> Candidate:
    """The candidate with the results of its trainings, over all seeds.

    :param full_steps: steps that all seeds would have taken if each had been trained to its end.
    """
    finished = [result for result in results if result.status == "trained" and result.episodes]
    steps = sum(result.steps for result in results)
    if not finished:
        reason = next((result.reason for result in results if result.reason), "no training finished")
        return candidate.model_copy(update={"status": "crashed", "reason": reason, "steps": steps})
    # Each seed has the same weight, although an undecided policy plays more episodes than a clear failure.
    success = sum(result.success for result in finished) / len(finished)
    episodes = sum(len(result.episodes) for result in finished)
    crashed = len(results) - len(finished)
    return candidate.model_copy(
        update={
            "status": "trained",
            "reason": f"{crashed} of {len(results)} seeds crashed" if crashed else finished[0].reason,
            "success": success,
            "episodes": episodes,
            "success_interval": wilson_interval(round(success * episodes), episodes),
            "fitness": sum(result.fitness or 0.0 for result in finished) / len(finished),
            "steps": steps,
            "steps_saved": max(0, full_steps - steps),
        }
    )


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927); stays inside [0, 1] for few episodes."""
    share = successes / count
    centre = share + Z_95**2 / (2 * count)
    margin = Z_95 * math.sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    scale = 1 + Z_95**2 / count
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)
