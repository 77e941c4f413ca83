"""Does a judge take for hopping and for a flip what is one?"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scripted_episodes import BACK_FLIP, FRONT_FLIP, Pose, flip
from benchmarks.scripted_episodes import hopping as hops
from tests.tasks.stages import stage


def hopping(rate: float, rise: float, drift: float = 0.0) -> Pose:
    return hops(stage("hopper_hop_in_place"), rate, rise, drift)


def test_hopping_on_the_spot_passes() -> None:
    measured = stage("hopper_hop_in_place").puppet(hopping(rate=1.5, rise=0.2))
    assert measured.success
    assert measured.fitness == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("pose", "fault"),
    [
        ({"rate": 0.8, "rise": 0.2}, "too few hops"),
        ({"rate": 5.0, "rise": 0.02}, "too short hops"),
        ({"rate": 1.5, "rise": 0.0}, "never leaves the ground"),
        ({"rate": 1.5, "rise": 0.2, "drift": 0.08}, "travels forward"),
        ({"rate": 1.5, "rise": 0.2, "drift": -0.08}, "travels backward"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_hopping_on_the_spot(pose: dict[str, float], fault: str) -> None:
    measured = stage("hopper_hop_in_place").puppet(hopping(**pose))
    assert not measured.success
    assert measured.fitness < 2.0


def test_a_fall_while_hopping_does_not_pass_and_costs_fitness() -> None:
    hopper = stage("hopper_hop_in_place")
    fallen = [hopper.puppet(hopping(1.5, 0.2), steps, terminated=True) for steps in (20, 500, 999, 1000)]
    assert not any(measured.success for measured in fallen)
    fitness = [measured.fitness for measured in fallen]
    assert fitness == sorted(fitness)
    assert fitness[-2] < 2.0


def test_hop_fitness_leads_from_standing_over_trembling_to_hopping() -> None:
    hopper = stage("hopper_hop_in_place")
    poses = [
        hopping(1.5, 0.2, drift=1.0),
        hopping(1.5, 0.0),
        hopping(10.0, 0.02),
        hopping(4.0, 0.1),
        hopping(0.7, 0.2),
        hopping(1.5, 0.2),
    ]
    fitness = [hopper.puppet(pose).fitness for pose in poses]
    assert fitness == sorted(fitness)
    assert len(set(fitness)) == len(fitness)


WAYS = {"hopper_front_flip": 1, "hopper_back_flip": -1}


KNOTS = {"hopper_front_flip": FRONT_FLIP, "hopper_back_flip": BACK_FLIP}


def somersault(name: str, turns: float, rise: float = 1.0, stands: float = 2.0) -> Pose:
    """So many turns in 0.8 s, ``rise`` metres above standing; then on the foot for ``stands`` seconds, then flat."""

    def pose(seconds: float) -> np.ndarray:
        place = stage(name).start
        share = min(seconds / 0.8, 1.0)
        place[1] += rise if share < 1.0 else 0.02
        place[2] = WAYS[name] * 2 * np.pi * turns * share
        if seconds > 0.8 + stands:
            place[1], place[2] = 0.05, place[2] + WAYS[name] * np.pi / 2
        return place

    return pose


@pytest.mark.parametrize("name", sorted(WAYS))
def test_a_flip_is_one_in_its_own_direction_alone(name: str) -> None:
    (other,) = WAYS.keys() - {name}
    assert stage(name).play(flip(KNOTS[name]), still=True).success
    wrong = stage(other).play(flip(KNOTS[name]), still=True)
    assert not wrong.success_any
    assert wrong.fitness < 0.5


@pytest.mark.parametrize("name", sorted(WAYS))
def test_a_whole_turn_and_half_a_second_on_the_foot_are_needed(name: str) -> None:
    judged = stage(name).puppet(somersault(name, turns=1.01))
    assert judged.success
    assert judged.fitness == pytest.approx(2.0)
    for fault in ({"turns": 0.98}, {"turns": -1.01}, {"turns": 1.01, "stands": 0.4}, {"turns": 1.01, "rise": -0.6}):
        assert not stage(name).puppet(somersault(name, **fault)).success, fault
    # Turning goes on where it was: a wrong turn must be made up for.
    assert not stage(name).puppet(somersault(name, turns=0.5)).success


@pytest.mark.parametrize("name", sorted(WAYS))
def test_flip_fitness_leads_from_leaning_over_turning_to_standing(name: str) -> None:
    poses = [
        somersault(name, turns=-1.0),
        somersault(name, turns=0.3),
        somersault(name, turns=0.9),
        somersault(name, turns=1.01, stands=0.2),
        somersault(name, turns=1.01),
    ]
    fitness = [stage(name).puppet(pose).fitness for pose in poses]
    assert fitness == sorted(fitness)
    assert len(set(np.round(fitness, 3))) == len(fitness)
    rolled = stage(name).puppet(somersault(name, turns=1.01, rise=-0.6)).fitness
    assert rolled < fitness[2]
