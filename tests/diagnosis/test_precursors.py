from __future__ import annotations

import numpy as np
import pytest

from reward_synth.core.arrays import FloatArray
from reward_synth.diagnosis.precursors import LAST_STEPS, Precursor, precursors, rank_deviations
from reward_synth.diagnosis.summary import summarize
from reward_synth.diagnosis.trajectories import Played
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable
from reward_synth.state.view import Layout
from tests.diagnosis import cases

LAYOUT: Layout = (("zombie_distance", ()), ("weather", ()), ("zombie_metres", ()), ("dead", ()))
TABLE = FieldTable(
    [
        Field("zombie_distance", (), "steps", 0.0, 8.0, "To the nearest zombie.", read=lambda env: 0.0),
        Field("weather", (), "1", 0.0, 1.0, "Anything.", read=lambda env: 0.0),
        Field("zombie_metres", (), "m", 0.0, 8.0, "Says the same.", read=lambda env: 0.0),
        Field("dead", (), "0/1", 0.0, 1.0, "At the end.", read=lambda env: 0.0),
        Field("verdict", (), "0/1", 0.0, 1.0, "The judge's.", read=lambda env: 0.0, judge_only=True),
    ],
    cases.TABLE.actions,
)


def played(killed: bool, seed: int, length: int = 40, success: bool | None = None) -> Played:
    """A zombie comes near in the last steps of a killed player; the weather is noise."""
    random = np.random.default_rng(seed)
    distance = random.uniform(5.0, 8.0, length + 1)
    dead = np.zeros(length + 1)
    if killed:
        distance[-LAST_STEPS - 1 :] = random.uniform(1.0, 1.5, LAST_STEPS + 1)
        dead[-1] = 1.0
    rows = np.column_stack([distance, random.uniform(0.0, 1.0, length + 1), distance / 3, dead])
    rows = np.column_stack([rows, dead])
    layout: Layout = (*LAYOUT, ("verdict", ()))
    episode = Episode(layout, rows, np.zeros((length, 2)), cases.DT, cases.HORIZON, seed, killed)
    verdict = not killed if success is None else success
    return Played(
        cases.measured(
            [Episode(cases.LAYOUT, np.zeros((length + 1, 12)), episode.actions, 0.05, 200, 0, killed)], verdict
        )[0],
        episode,
    )


def test_a_field_that_no_reward_reads_is_named_before_deaths() -> None:
    found = precursors([played(killed=i < 8, seed=i) for i in range(30)], TABLE)
    assert [one.name for one in found] == ["zombie_distance"]
    assert found[0].before == pytest.approx(1.25, abs=0.1)
    assert found[0].otherwise == pytest.approx(6.5, abs=0.2)
    assert found[0].deviations < -4
    assert found[0].unit == "steps"


def test_it_needs_no_success_to_compare_with() -> None:
    found = precursors([played(killed=True, seed=i) for i in range(8)], TABLE)
    assert [one.name for one in found] == ["zombie_distance"]


@pytest.mark.parametrize(
    "episodes",
    [
        pytest.param([played(killed=i < 2, seed=i) for i in range(30)], id="two deaths"),
        pytest.param([played(killed=True, seed=i, success=True) for i in range(30)], id="ended by success"),
        pytest.param([played(killed=True, seed=i, length=2 * LAST_STEPS) for i in range(30)], id="too short"),
        pytest.param([played(killed=False, seed=i, success=False) for i in range(30)], id="ran to the horizon"),
        pytest.param([], id="none played"),
    ],
)
def test_it_is_silent_where_nothing_can_be_told(episodes: list[Played]) -> None:
    assert precursors(episodes, TABLE) == ()


def test_noise_alone_is_seldom_taken_for_a_cause() -> None:
    named = 0
    for run in range(50):
        random = np.random.default_rng(run)
        named += abs(rank_deviations(random.normal(size=8), random.normal(size=40))) >= 3.0
    assert named <= 1


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Four above five: rank sum 30 of an expected 20, variance 4 * 5 / 12 * 10.
        ([6, 7, 8, 9], [1, 2, 3, 4, 5], 10 / np.sqrt(4 * 5 / 12 * 10)),
        ([1, 1, 1], [1, 1, 1], 0.0),
        # One tie of two, at ranks 2 and 3: rank sum 3.5 of an expected 5, ties take 6 / (4 * 3) off N + 1.
        ([1, 2], [2, 3], -1.5 / np.sqrt(2 * 2 / 12 * (5 - 6 / 12))),
    ],
)
def test_rank_sums(first: list[float], second: list[float], expected: float) -> None:
    here: FloatArray = np.array(first, dtype=float)
    there: FloatArray = np.array(second, dtype=float)
    assert rank_deviations(here, there) == pytest.approx(expected)
    assert rank_deviations(there, here) == pytest.approx(-expected)


def test_the_summary_tells_it_long_short_and_as_data() -> None:
    def walk(falls: bool, seed: int) -> Episode:
        made = cases.episode(3.0 + 0.01 * seed, seed=seed, terminated=falls, length=60)
        rows = made.rows.copy()
        rows[:, 1] += np.random.default_rng(seed).normal(0.0, 0.01, len(rows))
        if falls:
            rows[-LAST_STEPS - 1 :, 1] = 0.3
        return Episode(made.layout, rows, made.actions, made.dt, made.horizon, seed, falls)

    episodes = [walk(falls=i < 5, seed=i) for i in range(16)]
    measured = cases.measured(episodes, [i >= 5 for i in range(16)])
    made = summarize(cases.SPEC, cases.TABLE, "001-a", [cases.result(measured)], episodes)
    assert "## Before the environment ended failed episodes" in made.text
    assert "| `torso_height` (m) | 0.300 | 1.0" in made.text
    assert "Before the environment ended failed episodes: torso_height 0.300 (otherwise 1.0" in made.short
    data = made.data["before_failure"]
    assert data[0] == {**data[0], "name": "torso_height", "unit": "m", "before": pytest.approx(0.3)}
    assert Precursor(**data[0]).deviations < -3


def test_the_summary_is_silent_where_nothing_was_ended() -> None:
    episodes = [cases.episode(seed=i) for i in range(8)]
    made = summarize(cases.SPEC, cases.TABLE, "001-a", [cases.result(cases.measured(episodes))], episodes)
    assert "Before the environment ended" not in made.text + made.short
    assert made.data["before_failure"] == []
