from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, spearmanr

from reward_synth.core.types import Candidate, EpisodeScore, TrainResult
from reward_synth.evaluation.select import (
    best_candidate,
    is_decided,
    is_promising,
    is_solved,
    lower_bound,
    wilson_interval,
    with_results,
)
from reward_synth.screening.ranks import rank_correlation
from reward_synth.tasks.spec import load_task


def candidate(name: str, success: float | None, fitness: float | None, status: str = "trained") -> Candidate:
    return Candidate(id=name, iteration=1, status=status, success=success, fitness=fitness)


def episode(success: bool, fitness: float) -> EpisodeScore:
    return EpisodeScore(success=success, success_any=success, fitness=fitness, length=10, terminated=False)


def result(*episodes: EpisodeScore, status: str = "trained", reason: str = "") -> TrainResult:
    return TrainResult(status=status, reason=reason, seed=0, steps=100, seconds=1, cpu_seconds=1, episodes=episodes)


def test_success_goes_before_fitness_and_the_earlier_wins_a_tie() -> None:
    runners = [
        candidate("001-a", 0.5, 100.0),
        candidate("001-b", 0.75, 1.0),
        candidate("002-a", 0.75, 1.0),
        candidate("001-c", 0.75, 0.5),
    ]
    best = best_candidate(runners)
    assert best is not None and best.id == "001-b"


def test_what_a_person_agrees_with_goes_before_success_where_a_person_selects() -> None:
    runners = [candidate("001-a", 1.0, 9.0), candidate("001-b", 0.5, 2.0), candidate("002-a", 0.5, 3.0)]
    agreed = {"001-b": 0.25, "002-a": 0.25}
    best = best_candidate(runners, agreed)
    assert best is not None and best.id == "002-a", "equal agreement: success, then fitness"
    last = best_candidate(runners[:2], {"001-b": -1.0})
    assert last is not None and last.id == "001-b", "a reward without agreement comes last"


def test_only_trained_candidates_can_be_best() -> None:
    assert best_candidate([candidate("001-a", 1.0, 9.0, status="crashed")]) is None


def test_solved_means_the_threshold_of_the_task() -> None:
    task = load_task("gym/inverted_pendulum_balance")
    assert is_solved(candidate("001-a", task.success_threshold, 0.0), task)
    assert not is_solved(candidate("001-a", task.success_threshold - 0.01, 1e9), task)
    assert not is_solved(None, task)


def test_results_are_pooled_over_seeds_and_crashed_seeds_are_told() -> None:
    pooled = with_results(
        candidate("001-a", None, None, "designed"),
        [
            result(episode(True, 2.0), episode(False, 0.0)),
            result(episode(True, 4.0), episode(True, 6.0)),
            result(status="crashed", reason="died"),
        ],
    )
    assert (pooled.status, pooled.success, pooled.fitness, pooled.steps) == ("trained", 0.75, 3.0, 300)
    assert pooled.reason == "1 of 3 seeds crashed"
    assert pooled.success_interval == pytest.approx((0.3006, 0.9544), abs=1e-4)


def test_each_seed_counts_alike_however_many_episodes_it_played() -> None:
    fails = result(*[episode(True, 1.0)] * 4, *[episode(False, 0.0)] * 4)
    passes = result(*[episode(True, 1.0)] * 60, *[episode(False, 1.0)] * 4)
    pooled = with_results(candidate("001-a", None, None, "designed"), [fails, passes, passes, passes])
    assert pooled.success == pytest.approx((0.5 + 3 * 60 / 64) / 4) and pooled.episodes == 200
    assert pooled.fitness == pytest.approx((0.5 + 3) / 4)
    assert not is_solved(pooled, load_task("gym/half_cheetah_run_forward")), "one of four seeds fails"


def test_steps_that_were_not_needed_are_saved_but_not_by_a_crash() -> None:
    fresh, played = candidate("001-a", None, None, "designed"), episode(True, 1.0)
    assert with_results(fresh, [result(played), result(played)], full_steps=600).steps_saved == 400
    # The last rollout may go beyond the budget.
    assert with_results(fresh, [result(played)], full_steps=90).steps_saved == 0
    assert with_results(fresh, [result(status="crashed")], full_steps=600).steps_saved == 0


def test_a_candidate_none_of_whose_seeds_finished_is_crashed_with_the_reason() -> None:
    pooled = with_results(candidate("001-a", None, None, "designed"), [result(status="crashed", reason="died of NaN")])
    assert (pooled.status, pooled.reason, pooled.success) == ("crashed", "died of NaN", None)


def test_wilson_interval_stays_inside_and_narrows() -> None:
    assert wilson_interval(8, 8) == pytest.approx((0.6756, 1.0), abs=1e-4)
    assert wilson_interval(0, 8)[0] == 0.0
    few, many = wilson_interval(4, 8), wilson_interval(40, 80)
    assert few[0] < many[0] < 0.5 < many[1] < few[1]


def test_rank_correlation_is_spearmans_ties_included() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        first = generator.integers(0, 5, 30).astype(float)
        second = first + generator.normal(0, 2, 30).round()
        expected = spearmanr(first, second).statistic
        assert rank_correlation(first, second) == pytest.approx(expected)
    assert rank_correlation(np.ones(5), np.arange(5.0)) is None


@pytest.mark.parametrize(("successes", "count"), [(8, 8), (29, 30), (0, 8), (7, 8), (64, 64), (1, 64)])
def test_the_lower_bound_is_clopper_and_pearsons(successes: int, count: int) -> None:
    known = binomtest(successes, count, alternative="greater").proportion_ci(0.95).low
    assert lower_bound(successes, count) == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "count", "decided"),
    [
        (8, 8, False),
        (16, 16, True),
        (0, 8, True),
        (7, 8, False),
        (6, 8, False),
        (5, 8, True),
        (4, 8, True),
        (15, 16, False),
        (30, 32, True),
    ],
)
def test_an_evaluation_goes_on_until_it_tells(successes: int, count: int, decided: bool) -> None:
    assert is_decided(successes, count, threshold=0.9) is decided


def test_a_lucky_handful_of_episodes_solves_nothing() -> None:
    task = load_task("gym/half_cheetah_run_forward")
    few = candidate("001-a", 1.0, 0.0).model_copy(update={"episodes": 8})
    many = few.model_copy(update={"episodes": 16})
    assert not is_solved(few, task) and is_promising(few, task)
    assert is_solved(many, task) and not is_promising(many, task)
    assert not is_promising(few.model_copy(update={"success": 0.25, "episodes": 64}), task)
