"""Who can do a shipped task and who cannot, recorded once per process; and what is expected of each, by simulator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.scripted_episodes import SCENES, SCRIPTS, Stage
from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.simulators import get_simulator
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec, list_tasks

SPECS = {spec.name: spec for spec in list_tasks()}
Act = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Expected:
    """What holds of every task of a simulator, beyond what holds of all tasks."""

    package: str = ""
    """What must be installed; its tasks are left out without it."""
    extra: str = ""
    seeds: tuple[int, ...] = (1, 3)
    """Of the expert's episodes."""
    failures: int = 0
    """So many of the expert's episodes may fail."""
    chance: tuple[int, ...] = (1, 3)
    """Seeds of the episodes of random actions."""
    lucky: int = 0
    """So many of these may succeed at their end."""
    passes_by: bool = False
    """Random actions may meet the success on the way."""
    done: tuple[float, float] = (-np.inf, np.inf)
    """Fitness of an episode that succeeds."""
    failed: float = np.inf
    """Fitness of every other one is less."""
    rest: tuple[float, float] = (-np.inf, np.inf)
    """Fitness of doing nothing."""
    lead: float = 0.0
    """By so much the expert's mean fitness is above that of chance."""
    native: bool = False
    """Success is a sum of the native reward, which a field holds that only judges may read."""
    cut: int = 0
    """Steps after which an expert that stops has achieved less; 0 where that is not tried."""


EXPECTED = {
    "gym": Expected(seeds=(1,), passes_by=True),
    "metaworld": Expected("metaworld", "metaworld", done=(0.8, 1.0), failed=0.75, rest=(-0.05, 0.4), lead=0.15),
    "maniskill": Expected("mani_skill", "maniskill", done=(0.8, 1.0), failed=0.75, rest=(-0.05, 0.3), lead=0.15),
    # A zombie may be quicker than the expert, or water in the way to every cow.
    "crafter": Expected(
        "crafter", "crafter", seeds=tuple(range(100, 112)), failures=2, chance=tuple(range(100, 106)), lucky=2,
        passes_by=True, done=(1.0, 1.1), failed=1.0, lead=0.15, cut=3,
    ),
    "dmcontrol": Expected("dm_control", "dmcontrol", done=(200.0, 1000.0), rest=(0.0, 200.0), lead=150.0, native=True),
}  # fmt: skip


@functools.cache
def table_of(name: str) -> FieldTable:
    """Every field of the task's environment."""
    return field_table(SPECS[name])


def at_random(table: FieldTable) -> Act:
    """Draws each action anew; the same ones for each call of this."""
    generator, size = np.random.default_rng(0), len(table.actions)
    low, high = (np.array([getattr(action, end) for action in table.actions]) for end in ("low", "high"))
    if table.discrete:
        return lambda seen: np.eye(size, dtype=np.float32)[generator.integers(size, size=len(seen))]
    return lambda seen: generator.uniform(low, high, (len(seen), size)).astype(np.float32)


def at_rest(table: FieldTable) -> Act:
    """Does nothing."""
    action = np.zeros(len(table.actions), dtype=np.float32)
    if table.discrete:
        action[0] = 1.0
    return lambda seen: np.tile(action, (len(seen), 1))


@functools.cache
def random_episodes(name: str) -> tuple[Episode, ...]:
    """With every field."""
    table = table_of(name)
    return tuple(play(SPECS[name], table, at_random(table), expected_of(name).chance))


def expected_of(name: str) -> Expected:
    """What is expected of the task's simulator; nothing in particular of one that is not known here."""
    return EXPECTED.get(SPECS[name].simulator, Expected())


@functools.cache
def verdicts_on_chance(name: str) -> Sequence[EpisodeScore]:
    """The judge's, on random actions."""
    return score_episodes(SPECS[name], table_of(name), random_episodes(name))


@functools.cache
def verdicts_on_rest(name: str) -> Sequence[EpisodeScore]:
    """The judge's, on doing nothing."""
    spec, table = SPECS[name], table_of(name)
    measured = measured_table(spec, table)
    return score_episodes(spec, measured, play(spec, measured, at_rest(table), expected_of(name).chance[:2]))


@functools.cache
def verdicts_on_who_can(name: str, steps: int | None = None) -> Sequence[EpisodeScore]:
    """The judge's, on an expert, a script or a scene; empty if there is none.

    :param steps: what comes after so many is left out.
    """
    if name in SCRIPTS:
        with closing(Stage(SPECS[name])) as stage:
            return [SCRIPTS[name].perform(stage, seed) for seed in expected_of(name).seeds]
    seeds = (1,) if name in SCENES else expected_of(name).seeds
    episodes = [episode for seed in seeds if (episode := expert_episode(SPECS[name], seed, steps)) is not None]
    return score_episodes(SPECS[name], measured_table(SPECS[name], table_of(name)), episodes) if episodes else []


def expert_episode(spec: TaskSpec, seed: int, steps: int | None = None) -> Episode | None:
    """One of the simulator's expert, or what follows a scene, with the fields that success and fitness read."""
    simulator, table = get_simulator(spec.simulator), table_of(spec.name)
    recorded = measured_table(spec, table)
    env = StateRecorder(simulator.make(spec.environment.id, spec.environment.arguments, spec.horizon), recorded)
    rows: list[FloatArray] = [env.reset(seed=seed)[1]["next_state"]]
    if spec.name in SCENES:
        wanted = iter(SCENES[spec.name](env.unwrapped, len(table.actions)))
        act: Callable[[], Any] = lambda: next(wanted, None)  # noqa: E731
    elif experts := simulator.experts(env):
        act = functools.partial(_scaled, experts[0], table)
    else:
        return None
    actions: list[FloatArray] = []
    terminated = truncated = False
    while len(actions) < (steps or spec.horizon) and not (terminated or truncated) and (action := act()) is not None:
        _, _, terminated, truncated, info = env.step(action.astype(np.float32))
        rows.append(info["next_state"])
        actions.append(action)
    seconds = simulator.seconds_per_step(env)
    env.close()
    return Episode(recorded.layout(), np.stack(rows), np.stack(actions), seconds, spec.horizon, seed, terminated)


def _scaled(expert: Callable[[], Any], table: FieldTable) -> FloatArray | None:
    """An expert acts within [-1, 1]; the environment within its own bounds."""
    wanted = expert()
    if wanted is None:
        return None
    low, high = (np.array([getattr(action, end) for action in table.actions]) for end in ("low", "high"))
    return low + (np.clip(wanted, -1.0, 1.0) + 1.0) / 2.0 * (high - low)
