"""Every shipped task on Gymnasium, held against the simulator: an episode that must pass, and ones that must not.

*Puppet* episodes are played back kinematically: the robot is put along a path, and the rows are read through
the same field table as everywhere else. *Played* episodes are real: a scripted policy steps the simulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from reward_synth.simulators import get_simulator
from reward_synth.tasks import TaskSpec, judge, list_tasks, load_task
from reward_synth.types import Measurement

Pose = Callable[[float], np.ndarray]
Policy = Callable[[np.ndarray, float], np.ndarray]

SPECS = {spec.short_name: spec for spec in list_tasks() if spec.simulator == "gym"}
SHIPPED = {
    "ant_walk_forward",
    "half_cheetah_run_backward",
    "half_cheetah_run_forward",
    "half_cheetah_target_speed",
    "hopper_hop_backward",
    "hopper_hop_forward",
    "hopper_hop_in_place",
    "inverted_pendulum_balance",
    "reacher_reach",
    "swimmer_swim_forward",
    "walker2d_walk_forward",
}


class Stage:
    """One task's environment, field table and judge."""

    def __init__(self, spec: TaskSpec) -> None:
        simulator = get_simulator(spec.simulator)
        self.spec = spec
        self.env = simulator.make(spec.environment.id, dict(spec.environment.arguments), spec.horizon)
        self.table = simulator.fields(self.env)
        self.dt = simulator.seconds_per_step(self.env)
        self.process = judge(spec, self.table)
        self.base: Any = self.env.unwrapped
        self.env.reset(seed=0)
        self.read = self.table.reader(self.env)

    @property
    def start(self) -> np.ndarray:
        """A copy of the initial generalised position."""
        return np.array(self.base.init_qpos)

    def measure(self, rows: list[np.ndarray], terminated: bool) -> Measurement:
        actions = np.zeros((len(rows) - 1, self.env.action_space.shape[0]))
        return self.process.judge(np.stack(rows), actions, self.dt, self.spec.horizon, terminated)

    def puppet(self, pose: Pose, steps: int | None = None, terminated: bool = False) -> Measurement:
        """Judge the episode in which the robot is at ``pose(t)`` at each step, t in seconds."""
        rows = []
        for step in range((self.spec.horizon if steps is None else steps) + 1):
            self.base.set_state(np.asarray(pose(step * self.dt), dtype=float), np.zeros(self.base.model.nv))
            rows.append(self.read())
        return self.measure(rows, terminated)

    def play(self, policy: Policy, seed: int = 0) -> Measurement:
        """Judge a real episode."""
        observation, _ = self.env.reset(seed=seed)
        rows, terminated, truncated = [self.read()], False, False
        while not (terminated or truncated):
            action = policy(observation, (len(rows) - 1) * self.dt)
            observation, _, terminated, truncated, _ = self.env.step(action)
            rows.append(self.read())
        return self.measure(rows, terminated)

    def rest(self, observation: np.ndarray, seconds: float) -> np.ndarray:
        return np.zeros(self.env.action_space.shape)

    def random(self) -> Policy:
        generator = np.random.default_rng(0)
        space = self.env.action_space
        return lambda observation, seconds: generator.uniform(space.low, space.high).astype(np.float32)

    def moving(self, speed: float) -> Pose:
        """The initial pose, moved along x at the given m/s."""
        return self.along(lambda seconds: speed * seconds)

    def along(self, path: Callable[[float], float]) -> Pose:
        """The initial pose at x = path(seconds)."""

        def pose(seconds: float) -> np.ndarray:
            place = self.start
            place[0] = path(seconds)
            return place

        return pose


OPENED: dict[str, Stage] = {}


def stage(name: str) -> Stage:
    if name not in OPENED:
        OPENED[name] = Stage(SPECS[name])
    return OPENED[name]


@pytest.fixture(scope="module", autouse=True)
def _close_judges() -> Iterator[None]:
    yield
    for opened in OPENED.values():
        opened.process.close()
        opened.env.close()
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

    def stroke(observation: np.ndarray, seconds: float) -> np.ndarray:
        phase = 2 * np.pi * 0.75 * seconds
        return np.array([np.sin(phase), np.sin(phase - np.pi / 2)], dtype=np.float32)

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
    """Hops of the given rate per second; half of each is flight, a parabola of the given rise in metres."""
    hopper = stage("hopper_hop_in_place")

    def pose(seconds: float) -> np.ndarray:
        place = hopper.start
        phase = (seconds * rate) % 1.0
        flight = phase * 2 if phase < 0.5 else 0.0
        # At its initial pose the foot floats a little; lower by that much it touches the ground.
        place[1] += -0.04 + rise * 4 * flight * (1 - flight)
        place[0] = drift * seconds
        return place

    return pose


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


def reaching(offset: Callable[[float], float]) -> Pose:
    """The arm stands still at some pose; the target lies ``offset(seconds)`` metres beside the fingertip."""
    reacher = stage("reacher_reach")
    angles = np.array([0.4, 0.9])
    reacher.base.set_state(np.array([*angles, 0.0, 0.0]), np.zeros(4))
    fingertip = reacher.base.get_body_com("fingertip")[:2].copy()
    return lambda seconds: np.array([*angles, fingertip[0] + offset(seconds), fingertip[1]])


def test_the_fingertip_must_touch_the_target_at_the_end() -> None:
    reacher = stage("reacher_reach")
    assert reacher.puppet(reaching(lambda t: 0.0)).success
    assert reacher.puppet(reaching(lambda t: 0.019)).success
    assert not reacher.puppet(reaching(lambda t: 0.021)).success


def test_passing_by_the_target_counts_at_any_step_only() -> None:
    measured = stage("reacher_reach").puppet(reaching(lambda t: 0.2 * t - 0.1))
    assert measured.success_any
    assert not measured.success


def test_reach_fitness_rises_as_the_fingertip_comes_closer() -> None:
    reacher = stage("reacher_reach")
    fitness = [reacher.puppet(reaching(lambda t, d=d: d)).fitness for d in (0.2, 0.1, 0.03, 0.01, 0.0)]
    assert fitness == sorted(fitness)
    assert fitness[0] == pytest.approx(-0.2, abs=1e-3)


# ── balancing ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_controller_that_balances_the_pole_passes() -> None:
    pendulum = stage("inverted_pendulum_balance")

    def controller(observation: np.ndarray, seconds: float) -> np.ndarray:
        cart, angle, cart_speed, angle_speed = observation
        return np.array([0.3 * cart + 6 * angle + 0.4 * cart_speed + 1.0 * angle_speed], dtype=np.float32)

    measured = pendulum.play(controller)
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
