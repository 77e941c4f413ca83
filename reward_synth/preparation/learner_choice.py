"""Chooses the training for a goal without a spec, from the shipped tasks of the same environment or robot.

Their presets, horizons and budgets were measured. Defaults are for robots that no shipped task has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import TypeVar

from reward_synth.core.names import LearnerName
from reward_synth.simulators import get_simulator
from reward_synth.tasks.spec import EnvironmentSpec, Evaluation, TaskSpec, Training
from reward_synth.training.presets import DEFAULT_PRESETS

STEPS_PER_JOINT, MOST_STEPS = 100_000, 1_000_000
"""Environment steps of PPO for each element of the action, since a body with more joints learns more slowly.

A training that is still improving after the most steps goes on in a later iteration."""
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class LearnerChoice:
    """Learner, preset and budget of a drafted task, its horizon, and the episodes that judge a policy."""

    training: Training
    horizon: int
    """In environment steps."""
    evaluation: Evaluation
    reason: str
    """Why these were chosen, in words for the person."""


def choose_learner(spec: EnvironmentSpec, shipped: Sequence[TaskSpec], joints: int) -> LearnerChoice:
    """The settings of the nearest shipped tasks.

    The most common preset is taken, with the upper median of its steps. If it is PPO's default, none is named, so that
    presets race (:mod:`reward_synth.search.preset_race`). PPO gets at least :data:`STEPS_PER_JOINT` for
    each joint: the goal's difficulty is unknown, and a training ends early once the task is solved.

    :param shipped: every shipped task.
    :param joints: elements of a continuous action that PPO learns; 0 for discrete actions and other learners.
    """
    usable = [task for task in shipped if task.simulator == spec.simulator]
    near = [task for task in usable if task.environment.id == spec.environment.id]
    if near:
        return _as_most_of(near, f"{spec.environment.id}", joints)
    robot = get_simulator(spec.simulator).robot
    alike = [task for task in usable if robot(task.environment.id) == robot(spec.environment.id)]
    if alike:
        return _as_most_of(alike, f"the robot of {spec.environment.id}", joints)
    default = Training(steps=_enough(Training().learner, Training().steps, joints))
    reason = (
        f"no shipped task has {spec.environment.id}, so the default: {default.learner} with the preset "
        f"{DEFAULT_PRESETS[default.learner]}"
    )
    return LearnerChoice(default, spec.horizon, Evaluation(), f"{reason}, {default.steps:,} steps")


def _as_most_of(tasks: Sequence[TaskSpec], where: str, joints: int) -> LearnerChoice:
    def preset_of(task: TaskSpec) -> tuple[LearnerName, str]:
        return task.training.learner, task.training.preset or DEFAULT_PRESETS[task.training.learner]

    # Among equally common presets PPO's is taken: its steps cost less.
    learner, preset = _most_common(sorted(map(preset_of, tasks)))
    chosen = [task for task in tasks if preset_of(task) == (learner, preset)]
    steps = _enough(learner, median_high(task.training.steps for task in chosen), joints)
    # Nobody found another preset than the default's for these tasks, and another goal may want one: presets race.
    open_still = learner == "ppo" and preset == DEFAULT_PRESETS[learner]
    training = Training(learner=learner, preset=None if open_still else preset, steps=steps)
    horizon = _most_common(sorted((task.horizon for task in chosen), reverse=True))
    episodes = max(task.evaluation.episodes for task in chosen)
    reason = (
        f"as {len(chosen)} of {len(tasks)} shipped tasks of {where}: {learner} with the preset {preset}, "
        f"{training.steps:,} steps, episodes of {horizon:,}"
    )
    return LearnerChoice(training, horizon, Evaluation(episodes=episodes), reason)


def _enough(learner: LearnerName, steps: int, joints: int) -> int:
    """So many steps, or more for a goal whose difficulty is unknown."""
    return max(steps, Training().steps, min(STEPS_PER_JOINT * joints, MOST_STEPS) if learner == "ppo" else 0)


def _most_common(kinds: Iterable[Kind]) -> Kind:
    """The most common one; the first on a tie."""
    return Counter(kinds).most_common(1)[0][0]
