"""Does a judge take for travelling what travels? Puppets at every speed, and scripted policies."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scripted_episodes import stroke
from tests.tasks.stages import SPECS, stage

# The mean speed, with its sign, from which on each task passes.
TRAVEL = {
    "half_cheetah_run_forward": 3.0,
    "half_cheetah_run_backward": -3.0,
    "hopper_hop_forward": 1.0,
    "hopper_hop_backward": -0.5,
    "swimmer_swim_forward": 0.1,
    "walker2d_walk_forward": 1.0,
    "ant_walk_forward": 1.0,
}


@pytest.mark.parametrize(("name", "speed"), TRAVEL.items())
def test_travelling_passes_from_the_threshold_on(name: str, speed: float) -> None:
    assert stage(name).puppet(stage(name).moving(1.01 * speed)).success
    assert not stage(name).puppet(stage(name).moving(0.99 * speed)).success
    assert not stage(name).puppet(stage(name).moving(-1.5 * speed)).success


@pytest.mark.parametrize(("name", "speed"), TRAVEL.items())
def test_fitness_rises_with_the_speed_in_the_right_direction(name: str, speed: float) -> None:
    speeds = [-1.0, -0.2, 0.0, 0.1, 0.5, 0.9, 1.1, 2.0]
    fitness = [stage(name).puppet(stage(name).moving(share * speed)).fitness for share in speeds]
    assert fitness == sorted(fitness)
    assert len(set(np.round(fitness, 6))) == len(fitness)


FALLING = ["hopper_hop_forward", "hopper_hop_backward", "walker2d_walk_forward", "ant_walk_forward"]


@pytest.mark.parametrize("name", sorted(TRAVEL.keys() - set(FALLING)))
def test_what_cannot_fall_plays_to_the_horizon(name: str) -> None:
    measured = stage(name).play(stage(name).random())
    assert measured.length == SPECS[name].horizon
    assert not measured.terminated


@pytest.mark.parametrize("name", FALLING)
@pytest.mark.parametrize("share", [-1.0, 0.5, 1.1])
def test_an_early_end_never_raises_fitness(name: str, share: float) -> None:
    pose = stage(name).moving(share * TRAVEL[name])
    whole = stage(name).puppet(pose).fitness
    for steps in (1, 200, 900):
        assert stage(name).puppet(pose, steps, terminated=True).fitness <= whole + 1e-9


@pytest.mark.parametrize(("name", "speed"), TRAVEL.items())
def test_a_leap_and_a_fall_do_not_pass(name: str, speed: float) -> None:
    measured = stage(name).puppet(stage(name).moving(3 * speed), steps=200, terminated=True)
    assert not measured.success


@pytest.mark.parametrize("name", ["half_cheetah_run_forward", "half_cheetah_run_backward"])
def test_a_sprint_and_a_stop_do_not_pass(name: str) -> None:
    direction = np.sign(TRAVEL[name])
    assert not stage(name).puppet(stage(name).along(lambda t: direction * min(5 * t, 100))).success


def test_a_walker_that_dives_over_the_line_does_not_pass() -> None:
    dive = stage("walker2d_walk_forward").puppet(stage("walker2d_walk_forward").moving(2.0), 999, terminated=True)
    assert not dive.success
    assert dive.fitness > 1.0


def test_a_walker_that_falls_at_the_very_last_step_does_not_pass() -> None:
    pose = stage("walker2d_walk_forward").moving(2.0)
    assert not stage("walker2d_walk_forward").puppet(pose, terminated=True).success


def test_an_ant_that_slides_on_its_back_does_not_pass() -> None:
    ant = stage("ant_walk_forward")

    def on_its_back(seconds: float) -> np.ndarray:
        place = ant.moving(2.0)(seconds)
        place[3:7] = (0.0, 1.0, 0.0, 0.0)
        return place

    assert not ant.puppet(on_its_back).success


def test_a_blind_swimming_stroke_passes() -> None:
    swimmer = stage("swimmer_swim_forward")

    def reversed_stroke(observation: np.ndarray, seconds: float) -> np.ndarray:
        return stroke(observation, seconds)[::-1].copy()

    assert swimmer.play(stroke).success
    assert swimmer.play(reversed_stroke).fitness < swimmer.play(stroke).fitness


def test_a_steady_speed_passes_within_its_tolerance() -> None:
    cheetah = stage("half_cheetah_target_speed")
    for speed, passes in [(2.0, True), (1.75, True), (2.25, True), (1.65, False), (2.35, False), (0, False)]:
        assert cheetah.puppet(cheetah.moving(speed)).success is passes, speed


def test_the_gait_may_swing_but_sprints_and_rests_may_not_average_out() -> None:
    cheetah = stage("half_cheetah_target_speed")
    gait = cheetah.along(lambda t: 2 * t + 0.05 * np.sin(2 * np.pi * 4 * t))
    bursts = cheetah.along(lambda t: 2 * t + np.sin(2 * np.pi * t / 5))
    assert cheetah.puppet(gait).success
    assert not cheetah.puppet(bursts).success


def test_the_start_is_not_judged_but_the_rest_is() -> None:
    cheetah = stage("half_cheetah_target_speed")
    assert cheetah.puppet(cheetah.along(lambda t: 2 * max(0.0, t - 9))).success
    assert not cheetah.puppet(cheetah.along(lambda t: 2 * min(t, 35))).success


def test_target_speed_fitness_falls_on_both_sides() -> None:
    cheetah = stage("half_cheetah_target_speed")
    fitness = [cheetah.puppet(cheetah.moving(speed)).fitness for speed in (0, 1, 1.9, 2.0)]
    assert fitness == sorted(fitness)
    beyond = [cheetah.puppet(cheetah.moving(speed)).fitness for speed in (2.0, 2.1, 3, 6)]
    assert beyond == sorted(beyond, reverse=True)
    assert cheetah.puppet(cheetah.moving(2.0), 500, terminated=True).fitness < beyond[-1]
