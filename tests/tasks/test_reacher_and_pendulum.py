"""Does a judge take for reaching and for balancing what is one?"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scripted_episodes import Pose, balancing, reaching
from tests.tasks.stages import stage


def test_the_fingertip_must_touch_the_target_at_the_end() -> None:
    reacher = stage("reacher_reach")
    assert reacher.puppet(reaching(reacher, lambda t: 0.0)).success
    assert reacher.puppet(reaching(reacher, lambda t: 0.019)).success
    assert not reacher.puppet(reaching(reacher, lambda t: 0.021)).success


def test_passing_by_the_target_counts_at_any_step_only() -> None:
    measured = stage("reacher_reach").puppet(reaching(stage("reacher_reach"), lambda t: 0.2 * t - 0.1))
    assert measured.success_any
    assert not measured.success


def test_reach_fitness_rises_as_the_fingertip_comes_closer() -> None:
    reacher = stage("reacher_reach")
    fitness = [reacher.puppet(reaching(reacher, lambda t, d=d: d)).fitness for d in (0.2, 0.1, 0.03, 0.01, 0.0)]
    assert fitness == sorted(fitness)
    assert fitness[0] == pytest.approx(-0.2, abs=1e-3)


def test_a_controller_that_balances_the_pole_passes() -> None:
    pendulum = stage("inverted_pendulum_balance")

    measured = pendulum.play(balancing)
    assert measured.length == 1000
    assert measured.success
    assert measured.fitness == pytest.approx(40.0)


def test_one_state_too_far_from_upright_is_a_fall() -> None:
    pendulum = stage("inverted_pendulum_balance")

    def leaning(angle: float, since: float) -> Pose:
        return lambda seconds: np.array([0.0, angle if seconds >= since else 0.0])

    assert pendulum.puppet(leaning(0.19, 0.0)).success
    assert pendulum.puppet(leaning(-0.19, 0.0)).success
    assert not pendulum.puppet(leaning(-0.21, 39.99)).success
    assert not pendulum.puppet(leaning(0.21, 20.0)).success
    fitness = [pendulum.puppet(leaning(0.21, since)).fitness for since in (0.0, 1.0, 20.0, 41.0)]
    assert fitness == pytest.approx([0.0, 1.0, 20.0, 40.0], abs=0.05)


def test_a_pole_that_falls_early_is_worth_less() -> None:
    pendulum = stage("inverted_pendulum_balance")
    fitness = [pendulum.puppet(lambda t: np.zeros(2), steps, terminated=True).fitness for steps in (5, 500)]
    assert fitness[0] < fitness[1] < pendulum.puppet(lambda t: np.zeros(2)).fitness
    assert not pendulum.puppet(lambda t: np.zeros(2), 500, terminated=False).success
    assert not pendulum.puppet(lambda t: np.zeros(2), terminated=True).success
