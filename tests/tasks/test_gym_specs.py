"""Every shipped task on Gymnasium, held against the simulator: an episode that must pass, and ones that must not.

`benchmarks/scripted_episodes.py` makes them, as puppets that are put along a path, or as scripted policies that play.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scripted_episodes import (
    BACK_FLIP,
    FRONT_FLIP,
    LEGS,
    SCRIPTS,
    Policy,
    Pose,
    Stage,
    balancing,
    flip,
    lying,
    reaching,
    stroke,
    waving,
)
from benchmarks.scripted_episodes import hopping as hops
from reward_synth.tasks.spec import list_tasks, load_task, match_task

SPECS = {spec.short_name: spec for spec in list_tasks() if spec.simulator == "gym"}
SHIPPED = {
    "ant_lie_down",
    "ant_walk_forward",
    "ant_wave_leg",
    "half_cheetah_run_backward",
    "half_cheetah_run_forward",
    "half_cheetah_target_speed",
    "hopper_back_flip",
    "hopper_front_flip",
    "hopper_hop_backward",
    "hopper_hop_forward",
    "hopper_hop_in_place",
    "inverted_pendulum_balance",
    "reacher_reach",
    "swimmer_swim_forward",
    "walker2d_walk_forward",
}


OPENED: dict[str, Stage] = {}


def stage(name: str) -> Stage:
    if name not in OPENED:
        OPENED[name] = Stage(SPECS[name])
    return OPENED[name]


@pytest.fixture(scope="module", autouse=True)
def _close_judges() -> Iterator[None]:
    yield
    for opened in OPENED.values():
        opened.close()
    OPENED.clear()


def test_the_shipped_tasks_are_the_promised_ones() -> None:
    assert set(SPECS) == SHIPPED


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_spec_bears_the_name_of_its_file_and_can_be_loaded_by_it(name: str) -> None:
    assert load_task(f"gym/{name}") == load_task(name) == SPECS[name]
    assert SPECS[name].name == f"gym/{name}"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_native_reward_is_nowhere_in_a_spec(name: str) -> None:
    spec = SPECS[name]
    told = " ".join([spec.goal, *spec.aliases, spec.success, spec.fitness, spec.fitness_unit])
    assert not re.search(r"reward|healthy|survive|ctrl|cost|bonus", told, re.IGNORECASE)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_spec_names_a_preset_that_exists(name: str) -> None:
    from reward_synth.training.presets import preset_for

    assert preset_for(SPECS[name])


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_resting_does_not_solve_the_task(name: str) -> None:
    measured = stage(name).play(stage(name).rest)
    assert not measured.success
    assert not measured.success_any


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_random_actions_do_not_solve_the_task(name: str) -> None:
    measured = stage(name).play(stage(name).random())
    assert not measured.success


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_scripted_episode_solves_the_task(name: str) -> None:
    assert SCRIPTS[f"gym/{name}"].perform(stage(name), 1).success


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_goal_and_aliases_mean_this_task_alone(name: str) -> None:
    for goal in (SPECS[name].goal, *SPECS[name].aliases):
        assert match_task(goal) == SPECS[name], goal


# ── moving along x ────────────────────────────────────────────────────────────────────────────────────────

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


# ── half-cheetah at 2 m/s ─────────────────────────────────────────────────────────────────────────────────


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


# ── hopping on the spot ───────────────────────────────────────────────────────────────────────────────────


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


# ── reaching ──────────────────────────────────────────────────────────────────────────────────────────────


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


# ── balancing ─────────────────────────────────────────────────────────────────────────────────────────────


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


# ── flips ─────────────────────────────────────────────────────────────────────────────────────────────────

WAYS = {"hopper_front_flip": 1, "hopper_back_flip": -1}
"""Sign of torso_pitch: + leans forward."""
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


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("make the hopper do a backflip", "hopper_back_flip"),
        ("Make the Hopper do a back flip!", "hopper_back_flip"),
        ("teach the hopper to do backflips", "hopper_back_flip"),
        ("make the hopper flip backwards", "hopper_back_flip"),
        ("make the hopper do a front flip", "hopper_front_flip"),
        ("make the hopper do a forward somersault", "hopper_front_flip"),
        ("make the hopper flip forwards", "hopper_front_flip"),
        ("make the hopper flip", None),
        ("make the hopper hop backwards", "hopper_hop_backward"),
        ("Control the Ant to lie down", "ant_lie_down"),
        ("make the ant lie on its back", None),
        ("control the ant to wave a leg", "ant_wave_leg"),
        ("make the ant wave its front left leg", None),
    ],
)
def test_behaviours_in_other_words_find_their_task(goal: str, name: str | None) -> None:
    found = match_task(goal)
    assert (found.short_name if found else None) == name


# ── lying down ────────────────────────────────────────────────────────────────────────────────────────────


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


# ── waving a leg ──────────────────────────────────────────────────────────────────────────────────────────


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


def test_the_table_of_all_tasks_has_every_shipped_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "task-table.md").read_text(encoding="utf-8")
    named = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert named == [spec.name for spec in list_tasks()]
