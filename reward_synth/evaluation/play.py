"""Playing episodes with a policy and judging them by the task, without the generated reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Finding, Measurement
from reward_synth.evaluation.policy import Policy
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.sandbox.process import MeasureProcess
from reward_synth.simulators import get_simulator
from reward_synth.state.custom_fields import with_own_fields
from reward_synth.state.episode import Episode
from reward_synth.state.fields import FieldTable, FloatArray
from reward_synth.state.recorder import StateRecorder, require_finite
from reward_synth.tasks.spec import TaskSpec, judge

Act = Callable[[FloatArray], FloatArray]
"""Observations (episodes, …) to actions (episodes, action size). A :class:`Policy` that draws is given generators."""

# Disjoint ranges: what is watched during training must not be what selects, and what selected must not be what is
# reported of the reward that was selected.
TRAINING_EVALUATION_SEEDS = 20_000
SELECTION_SEEDS = 10_000
FINAL_EVALUATION_SEEDS = 30_000


def field_table(task: TaskSpec) -> FieldTable:
    """The full field table of a task's environment."""
    simulator = get_simulator(task.simulator)
    with closing(simulator.make(task.environment.id, task.environment.arguments, task.horizon)) as environment:
        return with_own_fields(simulator.fields(environment), task.environment.fields, environment)


def seconds_per_step(task: TaskSpec) -> float:
    """Simulated seconds that one step of the task's environment takes."""
    simulator = get_simulator(task.simulator)
    with closing(simulator.make(task.environment.id, task.environment.arguments, task.horizon)) as environment:
        return simulator.seconds_per_step(environment)


def play(task: TaskSpec, table: FieldTable, policy: Act, seeds: Sequence[int], repeat: int = 1) -> list[Episode]:
    """Play one episode per seed, all side by side so that the policy is called in batches.

    :param table: the fields to record; a subset makes it faster.
    A policy that draws its actions has a generator for each episode, seeded with the episode's seed: the same policy
    plays the same episode again, whatever is played beside it.

    :param repeat: environment steps that each of the policy's actions is held for. Every one of them is recorded.
    :raises EnvironmentFault: an environment fails, or gives a number that is not finite.
    """
    simulator = get_simulator(task.simulator)
    environments = [
        StateRecorder(simulator.make(task.environment.id, task.environment.arguments, task.horizon), table)
        for _ in seeds
    ]
    observations: list[FloatArray] = []
    rows: list[list[FloatArray]] = []
    for environment, seed in zip(environments, seeds, strict=True):
        observation, info = environment.reset(seed=seed)
        environment.action_space.seed(seed)
        observations.append(observation)
        rows.append([info["next_state"]])
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
        for i in running:
            observations[i], _, terminated[i], truncated, info = environments[i].step(held[i])
            rows[i].append(info["next_state"])
            require_finite(environments[i], observations[i], info["next_state"][None])
            actions[i].append(np.asarray(held[i], dtype=np.float64))
            if not (terminated[i] or truncated):
                still.append(i)
        running = still
    seconds = simulator.seconds_per_step(environments[0])
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


def _plainly(policy: Act) -> Callable[[FloatArray, Sequence[int]], FloatArray]:
    return lambda observations, running: policy(observations)


def _drawing(policy: Policy, seeds: Sequence[int]) -> Callable[[FloatArray, Sequence[int]], FloatArray]:
    generators = [np.random.default_rng(seed) for seed in seeds]
    return lambda observations, running: policy(observations, [generators[i] for i in running])


def measured_table(task: TaskSpec, table: FieldTable) -> FieldTable:
    """Only the fields that the task's success and fitness read: recording these alone is several times faster."""
    names = {*lint(task.success, table.layout(), "success").fields}
    names.update(lint(task.fitness, table.layout(), "fitness").fields)
    return table.subset([name for name in table.names if name in names])


def measure(task: TaskSpec, table: FieldTable, episodes: Sequence[Episode]) -> list[Measurement]:
    """Judge episodes by the task's success predicate and fitness; ``table`` is the one they were recorded with.

    :raises RewardError: success or fitness fails on an episode, or judges one differently the second time.
    """
    with judge(task, table) as process:
        return _verdicts(process, episodes)


def measure_by(process: MeasureProcess, episodes: Sequence[Episode]) -> list[Measurement]:
    """As :func:`measure`, by a judge that runs already: a locked process can start no other.

    :raises RewardSynthError: for what is a :class:`RewardError` there, which would be taken for the trained reward's.
    """
    try:
        return _verdicts(process, episodes)
    except RewardError as error:
        message = f"the task's success or fitness fails on an episode: {error.finding.as_text()}"
        raise RewardSynthError(message, "docs/tasks.md shows what success and fitness may contain") from error


def _verdicts(process: MeasureProcess, episodes: Sequence[Episode]) -> list[Measurement]:
    found = [_verdict(process, episode) for episode in episodes]
    again = [_verdict(process, episode) for episode in reversed(episodes)]
    if found != again[::-1]:
        # A model may have drafted them; a measure that remembers would make the last episode look best.
        message = "it judges the same episode differently when it is asked again"
        raise RewardError(Finding(rule="impure", message=message, fix="keep nothing outside of it", source="probe"))
    return found


def _verdict(process: MeasureProcess, episode: Episode) -> Measurement:
    return process.judge(
        episode.rows, episode.actions, dt=episode.dt, horizon=episode.horizon, terminated=episode.terminated
    )
