"""Checks before any model is paid: does the environment work, and are the task's measures useful?

A broken environment is an error here, so that no reward is blamed for it later. Anything that is merely doubtful is a
remark, and a person decides about it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table, unseen_fields
from reward_synth.evaluation.scoring import measured_fields, score_episodes
from reward_synth.executors.base import worker_environment
from reward_synth.preparation.measure_trial import Trial, full_length
from reward_synth.preparation.seen import what_was_seen
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import PROBE
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.reference_episodes import SEED, ReferenceEpisodes
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.state.recorder import StateRecorder, other_shape, require_finite
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec
from reward_synth.training.worker.locked_trial import rehearse

TRIAL_STEPS = 30
LIMIT_EPISODES = 3
"""Episodes of random actions that are played to see whether the environment cuts them; one that fails tells nothing."""
SAME = 1e-6
"""Two episodes with one seed have the same rows if no value differs by more, relatively or absolutely."""


@dataclass(frozen=True)
class Remark:
    """Something doubtful about an environment or a task.

    :param level: a ``warning`` needs a look; a ``note`` is for completeness only.
    """

    level: Literal["warning", "note"]
    about: Literal["seeds", "pictures", "time", "reward", "horizon", "ranges", "success", "fitness"]
    message: str
    hint: str = ""


@dataclass(frozen=True)
class PreparedTask:
    """A task that has been tried, with all that the search needs. It is made once, before any reward is paid for."""

    spec: TaskSpec
    checker: RewardChecker
    """Holds the field table and the reference episodes, and checks rewards against them."""
    remarks: tuple[Remark, ...]
    """Anything doubtful that was noticed."""
    trial: Trial
    """The scores that the task's measures give to known episodes."""
    unseen: tuple[str, ...]
    """Fields that a policy cannot know from its observation."""
    slowest_step: float = 0.0
    """Seconds of the slowest reset or step that was measured."""

    @property
    def aimless_fitness(self) -> float:
        """The highest fitness of aimless episodes, of those with full length if there are any."""
        return max(score.fitness for score in self.trial.longer or self.trial.scripted)

    @property
    def table(self) -> FieldTable:
        """All fields, including those that only success and fitness may read."""
        return self.checker.table

    @property
    def reference_episodes(self) -> ReferenceEpisodes:
        """Scripted and expert episodes, each with the task's score."""
        return self.checker.reference_episodes

    @cached_property
    def seen(self) -> str:
        """What the essential fields, and those that the task measures, were over the aimless episodes, a line each."""
        about = measured_fields(self.spec, self.table.layout())
        return what_was_seen(self.table.for_rewards(), self.reference_episodes.aimless, besides=about)

    def with_spec(self, spec: TaskSpec) -> PreparedTask:
        """The same task with a spec that differs only in its words or in its training."""
        return replace(self, spec=spec, checker=replace(self.checker, task=spec))


def preflight(task: TaskSpec, *, render: bool = False, sandbox: bool = True) -> PreparedTask:
    """Try the task's environment, record its reference episodes, and score them by the task's success and fitness.

    :param render: also make a picture.
    :param sandbox: run the trial in a locked process, as training does.
    :raises EnvironmentFault: the environment is broken.
    :raises RewardSynthError: it cannot be made, or success or fitness fails on an episode.
    """
    remarks = try_environment(task.environment_spec, render=render, sandbox=sandbox)
    try:
        checker = RewardChecker.of(task)
        longer = score_episodes(task, checker.table, full_length(task, checker.table))
    except RewardError as error:
        raise RewardSynthError(
            f"the success or fitness of the task {task.name} fails on a recorded episode: {error.finding.as_text()}",
            error.finding.fix or "docs/guide/tasks.md shows what success and fitness may contain",
        ) from error
    trial = Trial.of(checker.reference_episodes, longer)
    found = [*remarks, *_horizon(task, trial), *_ranges(checker), *_code(checker), *_measures(trial)]
    return PreparedTask(task, checker, tuple(found), trial, unseen_by_policy(task, checker.table), _slowest_step(task))


def _slowest_step(task: TaskSpec) -> float:
    with closing(open_environment(task)) as environment:
        times = [time.perf_counter()]
        environment.reset(seed=SEED)
        times.append(time.perf_counter())
        for _ in range(TRIAL_STEPS):
            _, _, terminated, truncated, _ = environment.step(environment.action_space.sample())
            times.append(time.perf_counter())
            if terminated or truncated:
                break
    return float(np.diff(times).max())


def unseen_by_policy(task: TaskSpec, table: FieldTable) -> tuple[str, ...]:
    """Fields that a policy cannot know from its observation."""
    return unseen_fields(task, table.for_rewards(), SEED)


def try_environment(spec: EnvironmentSpec, *, render: bool = False, sandbox: bool = True) -> tuple[Remark, ...]:
    """Make, reset and step an environment, and check that its seeds reproduce. Success is not checked.

    A person's own environment (``module:…``, ``FILE.py:…``) is first tried in a locked process, which may crash.

    :raises EnvironmentFault: it fails, gives numbers that are not finite, or observations of an undeclared shape.
    :raises RewardSynthError: it cannot be made.
    """
    if ":" in spec.environment.id:
        rehearse(spec, worker_environment(), sandbox)
    table = field_table(spec)
    with closing(_recorder(spec, table)) as first, closing(_recorder(spec, table)) as second:
        episodes = [_trial(environment) for environment in (first, second, first)]
    remarks: list[Remark] = []
    if any(not _same(episodes[0], other) for other in episodes[1:]):
        remarks.append(
            Remark(
                "warning",
                "seeds",
                f"{spec.environment.id} does not repeat itself: the same seed and actions lead to other states",
                "draw all random numbers from self.np_random, and reset all state in reset: figures cannot be compared",
            )
        )
    return (*remarks, *_said_by(spec), *(_picture(spec) if render else ()))


def _recorder(spec: EnvironmentSpec, table: FieldTable) -> StateRecorder:
    return StateRecorder(open_environment(spec), table)


def _trial(environment: StateRecorder) -> FloatArray:
    """Rows of a short episode of random actions, shape (steps + 1, width)."""
    observation, info = environment.reset(seed=SEED)
    _require_shape(environment, observation, "a reset")
    require_finite(environment, observation, info["next_state"][None])
    environment.action_space.seed(SEED)
    rows = [info["next_state"]]
    for _ in range(TRIAL_STEPS):
        observation, _, terminated, truncated, info = environment.step(environment.action_space.sample())
        _require_shape(environment, observation, "a step")
        require_finite(environment, observation, info["next_state"][None])
        rows.append(info["next_state"])
        if terminated or truncated:
            break
    return np.stack(rows)


def _require_shape(environment: StateRecorder, observation: Any, when: str) -> None:
    if np.shape(observation) != environment.observation_space.shape:
        raise other_shape(environment, observation, when)


def _same(one: FloatArray, other: FloatArray) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=SAME, atol=SAME))


def _said_by(spec: EnvironmentSpec) -> Iterator[Remark]:
    """Notes on what the environment says of itself: several lengths of a step, a reward of several numbers."""
    with closing(open_environment(spec)) as environment:
        rewards = getattr(environment.unwrapped, "reward_space", None)
        said = get_simulator(spec.simulator).doubt_about_time(environment) if spec.environment.dt is None else ""
    if said:
        yield Remark("note", "time", said, "if that is wrong, write `dt: SECONDS` under `environment` in the task file")
    if rewards is not None and rewards.shape:
        yield Remark("note", "reward", f"its own reward has shape {rewards.shape}; it is not read, as no own reward is")


def _picture(spec: EnvironmentSpec) -> Iterator[Remark]:
    try:
        with closing(open_environment(spec, render_mode="rgb_array")) as made:
            made.reset(seed=SEED)
            frame: Any = made.render()
    except Exception as error:  # noqa: BLE001  (graphics can fail in any way, and only pictures depend on them)
        said = f"{type(error).__name__}: {error}"
        hint = (
            "give its __init__ a render_mode, and its metadata rgb_array; without a screen try MUJOCO_GL=egl or osmesa"
        )
        yield Remark("warning", "pictures", f"no picture could be made: {' '.join(said.split())[:200]}", hint)
        return
    if np.ndim(frame) != 3 or np.shape(frame)[-1] != 3 or np.asarray(frame).dtype != np.uint8:
        shape = f"{np.shape(frame)} of {np.asarray(frame).dtype}"
        yield Remark("warning", "pictures", f"render() gave {shape}", "return an array (height, width, 3) of uint8")


def own_limit(spec: EnvironmentSpec) -> int | None:
    """Steps after which the environment itself cuts an episode of random actions, before its horizon.

    :return: None if it cuts none, or if each one fails before.
    :raises EnvironmentFault: it fails.
    """
    with closing(_recorder(spec, field_table(spec).subset([]))) as environment:
        environment.action_space.seed(SEED)
        for attempt in range(LIMIT_EPISODES):
            environment.reset(seed=SEED + attempt)
            steps, terminated, truncated = 0, False, False
            while not (terminated or truncated):
                *_, terminated, truncated, _ = environment.step(environment.action_space.sample())
                steps += 1
            if not terminated:
                return steps if steps < spec.horizon else None
    return None


def _horizon(task: TaskSpec, trial: Trial) -> Iterator[Remark]:
    steps = trial.own_limit(task.horizon)
    if steps is not None:
        message = f"the environment itself ends each episode after {steps} steps, before the horizon of {task.horizon}"
        if "episode.horizon" in task.success:
            message += ", so that a success that asks for episode.horizon can never be true"
        yield Remark("warning", "horizon", message, f"set horizon: {steps}")


def _ranges(checker: RewardChecker) -> Iterator[Remark]:
    """Remarks on fields whose recorded values leave the range that designers are shown."""
    table = checker.table
    rows = np.concatenate([episode.rows for episode in checker.reference_episodes.episodes])
    low, high = rows.min(axis=0), rows.max(axis=0)
    room = 1e-6 * np.maximum(1.0, np.abs(rows).max(axis=0))
    for name, columns in table.columns().items():
        outside = (low < table.low - room)[columns].any() or (high > table.high + room)[columns].any()
        if outside:
            field = table.get(name)
            assert field is not None
            seen = f"{low[columns].min():.4g} to {high[columns].max():.4g}"
            yield Remark(
                "warning",
                "ranges",
                f"the field `{name}` was seen at {seen}, outside of its range {field.low:.4g} to {field.high:.4g}",
                "mend the observation space, or the field's low and high in the task file",
            )


def _code(checker: RewardChecker) -> Iterator[Remark]:
    """Remarks on the code of success and fitness: lint warnings, and positions that never change."""
    task, layout, fix = checker.task, checker.table.layout(), PROBE["fixed-position"].fix
    parts: tuple[Literal["success", "fitness"], ...] = ("success", "fitness")
    for part in parts:
        report = lint(getattr(task, part), layout, part)
        for finding in report.findings:
            yield Remark("warning", part, f"{part}: {finding.message}", finding.fix)
        for told in checker.fixed_positions(report.fields):
            yield Remark("warning", part, f"{part} reads a field that never changes: {told}", fix)


def _measures(trial: Trial) -> Iterator[Remark]:
    for finding in trial.doubts():
        about: Literal["success", "fitness"] = "fitness" if "fitness" in finding.rule else "success"
        yield Remark("warning", about, finding.message, finding.fix)
    if not trial.experts and not any(each.success for each in trial.aimless):
        message = "success was never true, which aimless behaviour cannot tell more of"
        if ended := sum(each.terminated for each in trial.aimless):
            message += f"; the environment itself ended {ended} of {len(trial.aimless)} episodes before that"
        yield Remark(
            "note", "success", message, "see that it does not end them where success could come" if ended else ""
        )
