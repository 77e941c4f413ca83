"""Episodes made by hand for the tasks whose simulator has no expert for them: what must pass, for tests and benchmarks.

*Played* episodes are real: a scripted policy steps the simulator. *Puppet* episodes are played back kinematically: the
robot is put along a path, and the rows are read through the same field table as everywhere else. A puppet shows what
the task's judge takes for success; that a policy can get there is shown by a played episode or a training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.scoring import scoring_process
from reward_synth.simulators import get_simulator
from reward_synth.state.view import View, viewer
from reward_synth.tasks.spec import TaskSpec

Pose = Callable[[float], np.ndarray]
"""Seconds to generalised position, shape (nq,)."""
Policy = Callable[[np.ndarray, float], np.ndarray]
"""Observation and seconds to action, shape (A,)."""


class Stage:
    """One task's environment, field table and judge. Close it after use."""

    def __init__(self, spec: TaskSpec) -> None:
        simulator = get_simulator(spec.simulator)
        self.spec = spec
        self.env = simulator.make(spec.environment.id, dict(spec.environment.arguments), spec.horizon)
        self.table = simulator.fields(self.env)
        self.dt = simulator.seconds_per_step(self.env)
        self.process = scoring_process(spec, self.table.layout())
        self.base: Any = self.env.unwrapped
        self.env.reset(seed=0)
        self.read = self.table.reader(self.env)
        self._view = viewer(self.table.layout())

    def close(self) -> None:
        """End the judge and the environment."""
        self.process.close()
        self.env.close()

    @property
    def start(self) -> np.ndarray:
        """A copy of the initial generalised position."""
        return np.array(self.base.init_qpos)

    def look(self) -> View:
        """The state as it is now, by field."""
        return self._view(self.read())

    def measure(self, rows: list[np.ndarray], terminated: bool) -> EpisodeScore:
        """Judge the states, whose number is one more than that of the steps."""
        actions = np.zeros((len(rows) - 1, self.env.action_space.shape[0]))
        return self.process.score(np.stack(rows), actions, self.dt, self.spec.horizon, terminated)

    def puppet(self, pose: Pose, steps: int | None = None, terminated: bool = False) -> EpisodeScore:
        """Judge the episode in which the robot is at ``pose(t)`` at each step, t in seconds."""
        rows = []
        for step in range((self.spec.horizon if steps is None else steps) + 1):
            self.base.set_state(np.asarray(pose(step * self.dt), dtype=float), np.zeros(self.base.model.nv))
            rows.append(self.read())
        return self.measure(rows, terminated)

    def play(self, policy: Policy, seed: int = 0, still: bool = False) -> EpisodeScore:
        """Judge a real episode.

        :param still: start from the initial pose at rest, without the environment's noise: for blind policies.
        """
        observation, _ = self.env.reset(seed=seed)
        if still:
            self.base.set_state(self.start, np.zeros(self.base.model.nv))
        rows, terminated, truncated = [self.read()], False, False
        while not (terminated or truncated):
            action = policy(observation, (len(rows) - 1) * self.dt)
            observation, _, terminated, truncated, _ = self.env.step(action)
            rows.append(self.read())
        return self.measure(rows, terminated)

    def rest(self, observation: np.ndarray, seconds: float) -> np.ndarray:
        """The policy that does nothing."""
        return np.zeros(self.env.action_space.shape)

    def random(self) -> Policy:
        """A policy that draws its actions anew at each step; the same ones for each call of this."""
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


# ── half-cheetah, swimmer, pendulum, reacher ──────────────────────────────────────────────────────────────


def stroke(observation: np.ndarray, seconds: float) -> np.ndarray:
    """A swimming stroke, blind: the front joint leads by a quarter of a period."""
    phase = 2 * np.pi * 0.75 * seconds
    return np.array([np.sin(phase), np.sin(phase - np.pi / 2)], dtype=np.float32)


def balancing(observation: np.ndarray, seconds: float) -> np.ndarray:
    """Linear feedback that keeps the pole upright and the cart near the middle."""
    cart, angle, cart_speed, angle_speed = observation
    return np.array([0.3 * cart + 6 * angle + 0.4 * cart_speed + 1.0 * angle_speed], dtype=np.float32)


def reaching(stage: Stage, offset: Callable[[float], float]) -> Pose:
    """The arm stands still at some pose; the target lies ``offset(seconds)`` metres beside the fingertip."""
    angles = np.array([0.4, 0.9])
    stage.base.set_state(np.array([*angles, 0.0, 0.0]), np.zeros(4))
    fingertip = stage.base.get_body_com("fingertip")[:2].copy()
    return lambda seconds: np.array([*angles, fingertip[0] + offset(seconds), fingertip[1]])


# ── hopper ────────────────────────────────────────────────────────────────────────────────────────────────


def hopping(stage: Stage, rate: float, rise: float, drift: float = 0.0) -> Pose:
    """Hops of the given rate per second; half of each is flight, a parabola of the given rise in metres."""

    def pose(seconds: float) -> np.ndarray:
        place = stage.start
        phase = (seconds * rate) % 1.0
        flight = phase * 2 if phase < 0.5 else 0.0
        # At its initial pose the foot floats a little; lower by that much it touches the ground.
        place[1] += -0.04 + rise * 4 * flight * (1 - flight)
        place[0] = drift * seconds
        return place

    return pose


KNOT_SECONDS = 0.08
BACK_FLIP = """
  5 -10 -10
 -6 -10 -10
 10   8  10
 10 -10  -2
  4  -4   4
  8  -2   3
  1   1   6
  8   4   8
 10  -2  -6
  5  -1   8
 10  -3  -2
  1  10  -3
  5   4   5
  1   2  -1
  6   0   1
  6   6   6
  3   3  -2
  1   3  -1
  6   5  -8
 -1   8   6
"""
FRONT_FLIP = """
  3   4  10
 -2   5   9
  6 -10   1
  7   4  10
  1  10  -7
  4   9 -10
 10  10   9
  8  -9  10
  5  -7   9
  3  -3   9
 -2  -5   1
 -1  -4   7
  5   8  10
  2  -1   0
 10  -2  -7
  8   1  -3
  7  -8  -1
 -5   4   2
  2  10   4
  7   9  10
"""


def flip(knots: str) -> Policy:
    """Open-loop torques, held for 0.08 s each, in tenths of the limit: thigh, leg, foot in each row; then limp."""
    torques = np.array([[int(tenths) for tenths in row.split()] for row in knots.strip().splitlines()]) / 10

    def act(observation: np.ndarray, seconds: float) -> np.ndarray:
        knot = int(seconds / KNOT_SECONDS + 1e-6)
        return (torques[knot] if knot < len(torques) else np.zeros(3)).astype(np.float32)

    return act


# ── ant ───────────────────────────────────────────────────────────────────────────────────────────────────

LEGS = ("front_left", "back_left", "back_right", "front_right")
"""Counter-clockwise, seen from above."""


def bend(leg: str, angle: float) -> float:
    """Value of the leg's ankle joint at which the lower leg points down by ``angle`` rad from level: 0.52 to 1.22."""
    return angle if leg.startswith("front") else -angle


def towards(stage: Stage, joints: dict[str, float]) -> np.ndarray:
    """Torques that bring the ant's joints to the given angles in rad; those not named to 0."""
    state, names = stage.look(), [action.name for action in stage.table.actions]
    wanted = np.array([joints.get(name, 0.0) for name in names])
    torques = wanted - state.joint_angles - 0.05 * state.joint_velocities
    return np.clip(torques, -1.0, 1.0).astype(np.float32)


def lying(stage: Stage, angle: float = 0.4) -> Policy:
    """All four lower legs stretched out; below 0.52 rad they press against their limits and stay there."""
    return lambda observation, seconds: towards(stage, {f"{leg}_ankle": bend(leg, angle) for leg in LEGS})


def waving(
    stage: Stage, leg: str, hip: float = 0.45, ankle: float = 0.0, rate: float = 1.0, stance: float = 1.2
) -> Policy:
    """Stand on three legs, leaning back on the opposite one, and swing the raised one from the second second on.

    :param hip: amplitude at the hip in rad.
    :param ankle: how far the lower leg comes down in each swing, in rad.
    :param rate: swings to and fro per second.
    :param stance: how far down the two legs beside it point, in rad: 1.2 stands tall.
    """
    place = LEGS.index(leg)
    left, opposite, right = (LEGS[(place + turn) % 4] for turn in (1, 2, 3))

    def act(observation: np.ndarray, seconds: float) -> np.ndarray:
        phase = 2 * np.pi * rate * max(seconds - 1.0, 0.0)
        joints = {
            f"{leg}_ankle": bend(leg, 0.5 + ankle * (1 - np.cos(phase)) / 2),
            f"{leg}_hip": hip * np.sin(phase),
            f"{opposite}_ankle": bend(opposite, 0.55),
            # Turned a little towards the raised leg, so that the weight lies within the three feet.
            f"{left}_ankle": bend(left, stance), f"{left}_hip": -0.3,
            f"{right}_ankle": bend(right, stance), f"{right}_hip": 0.3,
        }  # fmt: skip
        return towards(stage, joints)

    return act


# ── DeepMind's control suite ──────────────────────────────────────────────────────────────────────────────


def swinging_up(observation: np.ndarray, seconds: float) -> np.ndarray:
    """Give the suite's pole the energy that it has at the top, and hold it there."""
    place, cosine, sine, speed, spin = observation
    if cosine > 0.9 and abs(spin) < 3.5:
        force = place + 1.6 * speed + 18.0 * np.arctan2(sine, cosine) + 3.2 * spin
    else:
        missing = 0.1 * 9.81 * 0.5 * (1.0 - cosine) - 0.5 * (0.1 / 3.0) * spin**2
        force = 0.1 if abs(spin) < 1e-3 else -2.0 * missing * np.sign(spin * cosine) - 0.25 * place - 0.15 * speed
    return np.array([np.clip(force, -1.0, 1.0)], dtype=np.float32)


def reaching_out(observation: np.ndarray, seconds: float) -> np.ndarray:
    """Pull the suite's fingertip to the target by a spring; both links are 0.12 m long."""
    shoulder, wrist, x, y, shoulder_spin, wrist_spin = observation
    arm, hand = (0.12 * np.array([-np.sin(angle), np.cos(angle)]) for angle in (shoulder, shoulder + wrist))
    pull = np.array([(arm + hand) @ (x, y), hand @ (x, y)])
    return np.clip(300.0 * pull - 0.3 * np.array([shoulder_spin, wrist_spin]), -1.0, 1.0).astype(np.float32)


def carried(stage: Stage, speed: float) -> EpisodeScore:
    """Judge the episode in which one of the suite's bodies stands upright and is carried forward."""
    import mujoco

    model, data, rows = stage.base.model, stage.base.data, []
    place, dof = (int(array[model.joint("rootx").id]) for array in (model.jnt_qposadr, model.jnt_dofadr))
    for step in range(stage.spec.horizon + 1):
        mujoco.mj_resetData(model, data)
        data.time = step * stage.dt
        data.qpos[place], data.qvel[dof] = speed * data.time, speed
        mujoco.mj_forward(model, data)
        rows.append(stage.read())
    return stage.measure(rows, terminated=False)


# ── the task's own success ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Script:
    """An episode that must succeed."""

    kind: Literal["played", "puppet"]
    perform: Callable[[Stage, int], EpisodeScore]
    """Stage and seed to the judge's verdict; a puppet has no use for the seed."""


def _travelling(speed: float) -> Script:
    return Script("puppet", lambda stage, seed: stage.puppet(stage.moving(speed)))


SCRIPTS: dict[str, Script] = {
    "dmcontrol/cartpole_swingup": Script("played", lambda stage, seed: stage.play(swinging_up, seed)),
    "dmcontrol/cheetah_run": Script("puppet", lambda stage, seed: carried(stage, 8.0)),
    "dmcontrol/hopper_hop": Script("puppet", lambda stage, seed: carried(stage, 2.5)),
    "dmcontrol/reacher_easy": Script("played", lambda stage, seed: stage.play(reaching_out, seed)),
    "dmcontrol/walker_walk": Script("puppet", lambda stage, seed: carried(stage, 1.1)),
    "gym/ant_lie_down": Script("played", lambda stage, seed: stage.play(lying(stage), seed)),
    "gym/ant_walk_forward": _travelling(1.1),
    "gym/ant_wave_leg": Script("played", lambda stage, seed: stage.play(waving(stage, LEGS[seed % 4]), seed)),
    "gym/half_cheetah_run_backward": _travelling(-3.3),
    "gym/half_cheetah_run_forward": _travelling(3.3),
    "gym/half_cheetah_target_speed": _travelling(2.0),
    "gym/hopper_back_flip": Script("played", lambda stage, seed: stage.play(flip(BACK_FLIP), seed, still=True)),
    "gym/hopper_front_flip": Script("played", lambda stage, seed: stage.play(flip(FRONT_FLIP), seed, still=True)),
    "gym/hopper_hop_backward": _travelling(-0.6),
    "gym/hopper_hop_forward": _travelling(1.1),
    "gym/hopper_hop_in_place": Script("puppet", lambda stage, seed: stage.puppet(hopping(stage, 1.5, 0.2))),
    "gym/inverted_pendulum_balance": Script("played", lambda stage, seed: stage.play(balancing, seed)),
    "gym/reacher_reach": Script("puppet", lambda stage, seed: stage.puppet(reaching(stage, lambda _: 0.0))),
    # The stroke is blind and keeps no course: from the start of seed 0 it goes along +x.
    "gym/swimmer_swim_forward": Script("played", lambda stage, seed: stage.play(stroke, 0)),
    "gym/walker2d_walk_forward": _travelling(1.1),
}


# ── the two tasks of other simulators that have no expert ─────────────────────────────────────────────────


def peg_on_its_end(environment: Any, actions: int) -> list[np.ndarray]:
    """Put ManiSkill's peg upright on the table, away from the arm; then rest."""
    import sapien

    peg = environment.upstream.peg
    peg.set_pose(sapien.Pose([0.0, 0.25, float(environment.upstream.peg_half_length)], [0.5, 0.5, -0.5, 0.5]))
    return [np.zeros(actions)] * 5


def diamond_ahead(environment: Any, actions: int) -> list[np.ndarray]:
    """Give Crafter's player an iron pickaxe, and put a diamond before it; then take that."""
    from reward_synth.simulators.crafter.kinds import ACTIONS

    player = environment.player
    player.inventory["iron_pickaxe"] = 1
    environment.world[tuple(np.add(player.cell, player.facing))] = "diamond"
    return [np.eye(actions)[list(ACTIONS).index("do")]]


SCENES: dict[str, Callable[[Any, int], list[np.ndarray]]] = {
    "maniskill/lift_peg_upright": peg_on_its_end,
    "crafter/diamond": diamond_ahead,
}
"""Puppets of tasks that have neither an expert nor a script: what is put where, and the actions that follow."""
