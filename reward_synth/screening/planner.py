"""A planner that attacks a reward before it trains: it looks for the behaviour that the reward pays most.

It needs no learning. From a true start state, it tries sequences of actions in the simulator, keeps those that are paid
most, plays the first steps of the best one, and goes on from there: the cross-entropy method over the knots of a spline
(Rubinstein 1999), as predictive sampling uses it (Howell et al., arXiv 2212.00541). What it finds in seconds, a learner
may find in minutes. What it does not find may still exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import EnvironmentFault
from reward_synth.core.names import ScaleName
from reward_synth.core.types import CheckReport
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.reward.lint import lint
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening.objectives import Before, Fitness, Objective, Pay, Trials
from reward_synth.screening.reference_episodes import (
    SEED,
    STEPS,
    action_type,
    record_episode,
    scaled_actions,
)
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.simulators.protocol import Simulator
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder, require_finite
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

SECONDS = 2.0
"""Simulated time of a plan, if that is longer than :data:`STEPS` steps."""
AHEAD = 1.2
"""Simulated seconds that are looked ahead, within these steps."""
FEWEST_AHEAD, MOST_AHEAD = 16, 80
SAMPLES, KNOTS = 32, 8
WIDEST = 0.6
"""Standard deviation of a knot; actions lie in [-1, 1]."""
STRIDES, STRIDES_REPLAYED = 8, 4
"""So many times is planned anew within what is looked ahead; seldom where each sample plays the past again, too."""
PATIENCE = 3.0
"""How many times as long as it was given a planner may take, on a slow machine or with a slow reward."""
CHECKED = 40
"""Steps after which a snapshot must bring back the same state."""


@dataclass(frozen=True)
class Plan:
    """What the planner found."""

    episodes: tuple[Episode, ...] = ()
    """The best-paid episode of each round, played once more from its seed, with all fields."""
    expected: tuple[float, ...] = ()
    """The reward that each episode was paid while it was planned, summed over its steps."""
    finished: int = 0
    """Rounds that were not cut short."""
    transitions: int = 0
    seconds: float = 0.0
    """Processor time of simulator, planner and reward process."""
    problem: str = ""
    """Why nothing could be planned."""
    by_clock: bool = False
    """True if the clock cut it, so that the same settings may give another plan."""


@dataclass(frozen=True)
class Ground:
    """Where it is planned."""

    opened: Callable[[FieldTable], StateRecorder]
    """A fresh environment that records these fields."""
    simulator: Simulator
    horizon: int
    dt: float | None = None
    """Seconds of a step; None asks the simulator."""

    @classmethod
    def of(cls, task: TaskSpec) -> Ground:
        """A task's environment."""
        return cls(
            lambda table: StateRecorder(open_environment(task), table),
            get_simulator(task.simulator),
            task.horizon,
            task.environment.dt,
        )


class Start(NamedTuple):
    """Where a round begins: the seed of the reset, and actions (T, A) in [-1, 1] that are tried first."""

    seed: int
    actions: FloatArray | None = None


def plan(
    task: TaskSpec,
    table: FieldTable,
    source: str,
    report: CheckReport,
    starts: Sequence[Start],
    seconds: float,
    discount: float = 0.99,
    scale: ScaleName = "sum",
    seed: int = 0,
) -> Plan:
    """Look for the episodes that a reward pays most. Equal arguments give the same plan, unless it says ``by_clock``.

    :param table: all fields; the episodes are recorded with them.
    :param report: of the reward, which must be ok.
    :param starts: one per round.
    :param seconds: processor time, about: the simulator says how many transitions these are, and the round that uses
        them up is cut short. After :data:`PATIENCE` times as long, the clock cuts it.
    :param discount: the learner's, per step.
    :raises RewardError: the reward fails on a transition that was tried.
    :raises RewardSynthError: the environment cannot be made, or no process can be started.
    """
    read = table.subset(report.fields)
    memory = lint(source, read.layout()).uses_memory
    with RewardProcess(source, read.layout(), len(table.actions), report.terms) as process:
        pay = Pay(process, memory, discount, scale)
        return search(Ground.of(task), table, read, lambda dt: pay, starts, seconds, seed)


def plan_fitness(task: TaskSpec, table: FieldTable, starts: Sequence[Start], seconds: float, seed: int = 0) -> Plan:
    """Look for the episodes with the highest fitness: what can be reached in the same time without any reward.

    A fitness that says nothing before the goal is reached is no guide, and then this finds nothing.

    :raises RewardError: the fitness fails on a part of an episode.
    :raises RewardSynthError: as :func:`plan`.
    """
    read = measured_table(task, table)
    with scoring_process(task, read.layout()) as process:
        ground = Ground.of(task)
        return search(ground, table, read, lambda dt: Fitness(process, dt, task.horizon), starts, seconds, seed)


def search(
    ground: Ground,
    table: FieldTable,
    read: FieldTable,
    objective: Callable[[float], Objective],
    starts: Sequence[Start],
    seconds: float,
    seed: int = 0,
) -> Plan:
    """Look for the episodes that an objective values most; see :func:`plan`.

    :param read: the fields that the objective reads.
    :param objective: from the seconds of a step.
    """
    environment = ground.opened(read)
    try:
        dt = ground.dt or ground.simulator.seconds_per_step(environment)
        return _Search(ground, environment, dt, objective(dt), seconds, seed).run(table, starts)
    except EnvironmentFault as error:
        return Plan(problem=error.message)
    finally:
        environment.close()


class _TimeIsUp(Exception):
    """The transitions are used up, or the clock says that it takes too long."""


class _Search:
    """One search in progress. It owns the environment's state."""

    def __init__(
        self, ground: Ground, environment: StateRecorder, dt: float, objective: Objective, limit: float, seed: int
    ) -> None:
        self._ground, self._environment, self._dt, self._objective = ground, environment, dt, objective
        self._simulator = ground.simulator
        self._begun, self._limit, self._seed = self._clock(), limit, seed
        self._length = planned_steps(ground.horizon, dt)
        self._allowed = limit * ground.simulator.planned_per_second
        self._transitions, self._by_clock = 0, False
        self._observed: FloatArray = np.zeros(0)
        """What was observed after the last step."""

    def run(self, table: FieldTable, starts: Sequence[Start]) -> Plan:
        """All rounds, and then their episodes once more."""
        exact = self._repeats(starts[0].seed)
        if exact is None:
            told = "it does not repeat itself: the same seed and the same actions led to another state"
            return Plan(problem=told, transitions=self._transitions, seconds=self._spent())
        found: list[tuple[Start, FloatArray, float]] = []
        finished = 0
        for number, start in enumerate(starts):
            generator = np.random.default_rng([self._seed, number])
            played: list[FloatArray] = []
            paid = [0.0]
            try:
                self._round(start, generator, exact, played, paid)
                finished += 1
            except _TimeIsUp:
                if finished or not played:
                    break
            found.append((start, np.concatenate(played), sum(paid)))
        episodes = self._recorded(table, found)
        expected = tuple(paid for *_, paid in found)
        return Plan(episodes, expected, finished, self._transitions, self._spent(), by_clock=self._by_clock)

    def _repeats(self, seed: int) -> bool | None:
        """True if a snapshot brings back a state exactly, False if only seed and actions do, None if neither does."""
        generator = np.random.default_rng(SEED)
        size = (2, CHECKED, len(self._environment.table.actions))
        one, other = generator.uniform(-1.0, 1.0, size)
        for exact in (True, False):
            self._reset(seed)
            if exact:
                self._try(lambda: None, other[None])
            restore = self._restorer(exact, seed, Before(self._environment))
            seen = []
            for actions in (one, other, one):
                trials = self._try(restore, actions[None])
                # The fields that a reward reads may be few. The observation says more of the state.
                seen.append((trials.rows, trials.lengths, trials.ended, self._observed))
            if all(np.array_equal(first, again) for first, again in zip(seen[0], seen[2], strict=True)):
                return exact
        return None

    def _round(
        self, start: Start, generator: np.random.Generator, exact: bool, played: list[FloatArray], paid: list[float]
    ) -> None:
        """One episode. ``played`` and ``paid`` grow by what was played, also if the time is up."""
        self._reset(start.seed)
        ahead = int(np.clip(round(AHEAD / self._dt), FEWEST_AHEAD, MOST_AHEAD))
        stride = ahead // (STRIDES if exact else STRIDES_REPLAYED)
        before = Before(self._environment)
        best: FloatArray | None = None
        step, over = 0, False
        while step < self._length and not over:
            horizon = min(ahead, self._length - step)
            restore = self._restorer(exact, start.seed, before)
            hints = [] if best is None else [_cut(best[stride:], horizon)]
            if start.actions is not None:
                hints.append(_cut(start.actions[step:], horizon))
            best = self._best(restore, before, horizon, hints, generator)
            done = self._try(restore, best[None, :stride])
            count = int(done.lengths[0])
            paid.append(self._objective.paid(done, before))
            played.append(best[:count])
            before.add(done)
            step, over = step + count, bool(done.ended[0])

    def _best(
        self,
        restore: Callable[[], None],
        before: Before,
        horizon: int,
        hints: list[FloatArray],
        generator: np.random.Generator,
    ) -> FloatArray:
        """The sequence of actions (H, A) that is paid most from here on.

        :param hints: sequences (H, A) that are tried first. Others are drawn around the first one: linear splines
            whose knots are normally distributed.
        """
        used_up = self._transitions >= self._allowed
        self._by_clock = not used_up and self._spent() > PATIENCE * self._limit
        if used_up or self._by_clock:
            raise _TimeIsUp
        rest = np.zeros((horizon, len(self._environment.table.actions)))
        knots = np.linspace(0.0, horizon - 1.0, min(KNOTS, horizon))
        middle = [*hints, rest][0][np.round(knots).astype(int)]
        drawn = np.clip(middle + WIDEST * generator.normal(size=(SAMPLES, *middle.shape)), -1.0, 1.0)
        tried = np.array([*hints, rest, *(_along(knots, each, horizon) for each in drawn)])
        values = self._objective.values(self._try(restore, tried), before)
        best: FloatArray = tried[np.argmax(values)]
        return best

    def _reset(self, seed: int) -> None:
        self._environment.reset(seed=seed)

    def _restorer(self, exact: bool, seed: int, before: Before) -> Callable[[], None]:
        """What brings back the present state, which the seed and the actions that were played led to."""
        if exact:
            return self._simulator.snapshot(self._environment)
        played = before.actions[0].astype(action_type(self._environment))

        def replayed() -> None:
            self._reset(seed)
            for action in played:
                self._environment.step(action)
            self._transitions += len(played)

        return replayed

    def _try(self, restore: Callable[[], None], wanted: FloatArray) -> Trials:
        """Play sequences of actions (N, H, A) in [-1, 1], each from the restored state. The last one's state stays."""
        environment = self._environment
        scaled = scaled_actions(environment.table, wanted)
        taken = scaled.astype(action_type(environment))
        number, horizon = scaled.shape[:2]
        rows = np.empty((number, horizon + 1, environment.table.width()))
        lengths, ended = np.full(number, horizon), np.zeros(number, dtype=bool)
        for n in range(number):
            restore()
            rows[n, 0] = environment.row
            for step in range(horizon):
                self._observed, _, terminated, truncated, info = environment.step(taken[n, step])
                rows[n, step + 1] = info["next_state"]
                if terminated or truncated:
                    lengths[n], ended[n] = step + 1, terminated
                    rows[n, step + 2 :] = rows[n, step + 1]
                    break
        require_finite(environment, self._observed, rows.reshape(number * (horizon + 1), rows.shape[-1]))
        self._transitions += int(lengths.sum())
        return Trials(rows, scaled, lengths, ended)

    def _recorded(self, table: FieldTable, found: Sequence[tuple[Start, FloatArray, float]]) -> tuple[Episode, ...]:
        """The episodes that were found, played again from their seeds with all fields."""
        environment = self._ground.opened(table)
        try:
            return tuple(
                record_episode(
                    environment, actions.__getitem__, len(actions), start.seed, self._ground.horizon, self._dt
                )
                for start, actions, _ in found
            )
        finally:
            environment.close()

    def _clock(self) -> float:
        return time.thread_time() + self._objective.cpu_seconds

    def _spent(self) -> float:
        return self._clock() - self._begun


def planned_steps(horizon: int, dt: float) -> int:
    """Steps of a planned episode."""
    return min(horizon, max(STEPS, round(SECONDS / dt)))


def _cut(actions: FloatArray, horizon: int) -> FloatArray:
    """The first actions (H, A); where there are fewer, the last one is held, and where there are none, it rests."""
    held = actions[-1:] if len(actions) else np.zeros((1, actions.shape[1]))
    return np.concatenate([actions[:horizon], np.repeat(held, max(0, horizon - len(actions)), axis=0)])


def _along(knots: FloatArray, values: FloatArray, horizon: int) -> FloatArray:
    """The linear spline through the knots' values (M, A) at each step, (H, A)."""
    steps = np.arange(horizon)
    return np.stack([np.interp(steps, knots, column) for column in values.T], axis=1)
