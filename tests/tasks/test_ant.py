"""Does a judge take for lying down and for waving what is one?"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scripted_episodes import LEGS, Policy, Pose, lying, waving
from tests.tasks.stages import stage


def lain(since: float, height: float = 0.38, roll: float = 0.0) -> Pose:
    """Standing, then lying with its legs stretched out."""
    ant = stage("ant_lie_down")

    def pose(seconds: float) -> np.ndarray:
        place = ant.start
        place[2] = 0.6
        if seconds >= since - 1e-9:
            place[2] = height
            place[3:7] = np.cos(roll / 2), np.sin(roll / 2), 0.0, 0.0
            place[[8, 14]], place[[10, 12]] = 0.52, -0.52
        return place

    return pose


def test_lying_down_at_once_and_for_good_passes() -> None:
    ant = stage("ant_lie_down")
    for seed in (1, 2, 3):
        measured = ant.play(lying(ant), seed)
        assert measured.success
        assert measured.fitness > 1.95
    assert ant.puppet(lain(since=1.4)).success


def test_what_is_no_lying_down() -> None:
    ant = stage("ant_lie_down")
    assert not ant.puppet(lain(since=1.6)).success
    assert not ant.puppet(lain(since=1.0, height=0.41)).success
    assert not ant.puppet(lain(since=1.0, roll=0.5)).success
    assert not ant.puppet(lain(since=1.0, height=0.26, roll=np.pi)).success

    def getting_up(observation: np.ndarray, seconds: float) -> np.ndarray:
        return lying(ant, angle=0.4 if seconds < 4.0 else 1.2)(observation, seconds)

    assert not ant.play(getting_up).success


@pytest.mark.parametrize("seed", range(4))
def test_a_limp_ant_sinks_too_slowly(seed: int) -> None:
    assert not stage("ant_lie_down").play(stage("ant_lie_down").rest, seed).success


def test_lying_fitness_leads_from_its_back_over_standing_to_lying() -> None:
    ant = stage("ant_lie_down")
    poses = [
        lain(since=1.0, height=0.26, roll=np.pi),
        lain(since=9.0),
        lain(since=1.0, height=0.5),
        lain(since=3.0),
        lain(since=1.0),
    ]
    fitness = [ant.puppet(pose).fitness for pose in poses]
    assert fitness == sorted(fitness)
    assert len(set(np.round(fitness, 3))) == len(fitness)


@pytest.mark.parametrize("leg", LEGS)
def test_waving_any_leg_passes(leg: str) -> None:
    ant = stage("ant_wave_leg")
    measured = ant.play(waving(ant, leg))
    assert measured.success
    assert measured.fitness > 1.9


def test_waving_up_and_down_passes_too() -> None:
    ant = stage("ant_wave_leg")
    assert ant.play(waving(ant, "back_left", hip=0.0, ankle=0.34)).success


def until(end: float, first: Policy, then: Policy) -> Policy:
    return lambda observation, seconds: (first if seconds < end else then)(observation, seconds)


@pytest.mark.parametrize(
    ("wave", "fault"),
    [
        ({"hip": 0.0}, "lifted and still"),
        ({"hip": 0.12}, "hardly moved"),
        ({"rate": 0.2}, "too few swings"),
        ({"stance": 0.7}, "not lifted far enough"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_waving(wave: dict[str, float], fault: str) -> None:
    ant = stage("ant_wave_leg")
    measured = ant.play(waving(ant, "front_left", **wave))
    assert not measured.success
    assert 0.3 < measured.fitness < 2.0


def test_trembling_is_no_waving() -> None:
    """Full torque at the hip, turned round every tenth of a second."""
    ant = stage("ant_wave_leg")
    hip = [action.name for action in ant.table.actions].index("front_left_hip")

    def tremble(observation: np.ndarray, seconds: float) -> np.ndarray:
        torques = waving(ant, "front_left", hip=0.0)(observation, seconds)
        if seconds > 1.0:
            torques[hip] = 1.0 if round(seconds / ant.dt) // 2 % 2 else -1.0
        return torques

    assert not ant.play(tremble).success


def test_waving_while_it_walks_away_or_lies_on_its_back_does_not_pass() -> None:
    ant = stage("ant_wave_leg")

    def swinging(speed: float, upside_down: bool = False) -> Pose:
        def pose(seconds: float) -> np.ndarray:
            place = ant.start
            place[0] = speed * seconds
            place[7], place[8] = 0.4 * np.sin(2 * np.pi * seconds), 0.0
            if upside_down:
                place[2], place[3:7] = 0.3, (0.0, 1.0, 0.0, 0.0)
            return place

        return pose

    assert ant.puppet(swinging(0.0)).success
    assert ant.puppet(swinging(0.05)).success
    assert not ant.puppet(swinging(0.06)).success
    assert not ant.puppet(swinging(0.0, upside_down=True)).success
    assert not ant.play(until(8.0, waving(ant, "front_left"), ant.random())).success
