"""Plays episodes with a policy and scores them by the task, without the generated reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from typing import Any

import gymnasium
import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.evaluation.policy import Policy
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.state import watchdog
from reward_synth.state.custom_fields import with_own_fields
from reward_synth.state.episode import Episode
from reward_synth.state.more_seen import MoreSeen, ObservingRecorder
from reward_synth.state.recorder import StateRecorder, other_shape, require_finite
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec

Act = Callable[[FloatArray], FloatArray]
"""Observations (episodes, …) to actions (episodes, action size). A :class:`Policy` that samples needs generators."""

# The ranges are disjoint: episodes that are watched during training must not select a reward, and episodes that
# selected a reward must not be reported for it.
TRAINING_EVALUATION_SEEDS = 20_000
SELECTION_SEEDS = 10_000
CONFIRMING_SEEDS = 12_500
CHOICE_SEEDS = 15_000
FINAL_EVALUATION_SEEDS = 30_000


def field_table(spec: EnvironmentSpec | TaskSpec) -> FieldTable:
    """The full field table of an environment."""
    with closing(open_environment(spec)) as environment:
        return fields_of(spec, environment)


def fields_of(spec: EnvironmentSpec | TaskSpec, environment: gymnasium.Env[Any, Any]) -> FieldTable:
    """As :func:`field_table`, of a live environment."""
    known = get_simulator(spec.simulator).fields(environment)
    return with_own_fields(known, spec.environment.fields, environment)


def seconds_per_step(spec: EnvironmentSpec | TaskSpec) -> float:
    """Simulated seconds that one step of an environment takes."""
    with closing(open_environment(spec)) as environment:
        return step_length(spec, environment)


def step_length(spec: EnvironmentSpec | TaskSpec, environment: gymnasium.Env[Any, Any]) -> float:
    """As :func:`seconds_per_step`, for a live environment, which may be reset and stepped."""
    return spec.environment.dt or get_simulator(spec.simulator).seconds_per_step(environment)


def recorder_of(task: TaskSpec, table: FieldTable) -> StateRecorder:
    """A fresh environment of a task whose observations are what its policies see.

    :param table: the fields to record.
    :raises RewardSynthError: the task shows its policies a field that does not exist.
    """
    environment = open_environment(task)
    more = more_seen(task)
    return StateRecorder(environment, table) if more is None else ObservingRecorder(environment, table, more)


def more_seen(task: TaskSpec) -> MoreSeen | None:
    """What the task's policies see besides the environment's observation, if anything.

    :raises RewardSynthError: as :func:`recorder_of`.
    """
    if not task.environment.observes:
        return None
    return _more_seen(task.environment_spec.model_dump_json())


def unseen_fields(task: TaskSpec, table: FieldTable, seed: int) -> tuple[str, ...]:
    """The fields of ``table`` that a policy of the task cannot know from what it sees, if the simulator can tell."""
    with closing(open_environment(task)) as environment:
        environment.reset(seed=seed)
        unseen = get_simulator(task.simulator).unseen(environment, table)
    return tuple(name for name in unseen if name not in task.environment.observes)


@cache
def _more_seen(spec: str) -> MoreSeen:
    # A training has dozens of equal environments, and a table of fields takes longer than a reset.
    known = EnvironmentSpec.model_validate_json(spec)
    return MoreSeen(known.environment.observes, field_table(known), known.horizon)


def play(task: TaskSpec, table: FieldTable, policy: Act, seeds: Sequence[int], repeat: int = 1) -> list[Episode]:
    """Play one episode per seed, all in parallel so that the policy is called in batches.

    A policy that samples its actions has a generator for each episode, seeded with the episode's seed. So the same
    policy plays the same episode again, whichever other episodes are played beside it.

    :param table: the fields to record; a subset makes it faster.
    :param repeat: environment steps for which each of the policy's actions is held. Each step is recorded.
    :raises EnvironmentFault: an environment fails, or gives a number that is not finite.
    """
    environments = [recorder_of(task, table) for _ in seeds]
    observations, rows = _reset(environments, seeds)
    shape = environments[0].observation_space.shape
    act = _drawing(policy, seeds) if isinstance(policy, Policy) and policy.draws else _plainly(policy)
    actions: list[list[FloatArray]] = [[] for _ in seeds]
    terminated = [False] * len(environments)
    running = list(range(len(environments)))
    held: dict[int, FloatArray] = {}
    step = 0
    while running:
        if step % repeat == 0:
            held = dict(zip(running, act(np.array([observations[i] for i in running]), running), strict=True))
        step += 1
        still = []
        watchdog.start()
        for i in running:
            observations[i], _, terminated[i], truncated, info = environments[i].step(held[i])
            if np.shape(observations[i]) != shape:
                raise other_shape(environments[i], observations[i], "a step")
            rows[i].append(info["next_state"])
            actions[i].append(np.asarray(held[i], dtype=np.float64))
            if not (terminated[i] or truncated):
                still.append(i)
        watchdog.stop()
        # One check for all episodes takes as long as one check for a single episode.
        newest = [observations[i] for i in running], [rows[i][-1] for i in running]
        require_finite(environments[running[0]], *newest)
        running = still
    seconds = step_length(task, environments[0])
    for environment in environments:
        environment.close()
    return [
        Episode(
            layout=table.layout(),
            rows=np.stack(rows[i]),
            actions=np.stack(actions[i]),
            dt=seconds,
            horizon=task.horizon,
            seed=seed,
            terminated=terminated[i],
        )
        for i, seed in enumerate(seeds)
    ]


def _reset(
    environments: Sequence[StateRecorder], seeds: Sequence[int]
) -> tuple[list[FloatArray], list[list[FloatArray]]]:
    """The first observation of each episode, and its rows so far."""
    observations: list[FloatArray] = []
    rows: list[list[FloatArray]] = []
    watchdog.start()
    for environment, seed in zip(environments, seeds, strict=True):
        observation, info = environment.reset(seed=seed)
        environment.action_space.seed(seed)
        observations.append(observation)
        rows.append([info["next_state"]])
    watchdog.stop()
    return observations, rows


def _plainly(policy: Act) -> Callable[[FloatArray, Sequence[int]], FloatArray]:
    return lambda observations, running: policy(observations)


def _drawing(policy: Policy, seeds: Sequence[int]) -> Callable[[FloatArray, Sequence[int]], FloatArray]:
    generators = [np.random.default_rng(seed) for seed in seeds]
    return lambda observations, running: policy(observations, [generators[i] for i in running])
