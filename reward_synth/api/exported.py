"""A run's reward as one file, with the training of the run if that is asked for."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import gymnasium

from reward_synth.export.recipe import Recipe
from reward_synth.simulators.protocol import LASTS
from reward_synth.store import RunStore

if TYPE_CHECKING:
    from reward_synth.export.standalone import Shown
    from reward_synth.state.table import FieldTable
    from reward_synth.tasks.spec import TaskSpec
    from reward_synth.training.job import TrainJob


def exported(store: RunStore, task: TaskSpec, candidate: str, train: bool) -> str:
    """Text of the file.

    :raises RewardSynthError: no file can make the environment, or read what the reward or the measure reads.
    """
    from reward_synth.evaluation.play import fields_of
    from reward_synth.export.standalone import export, exportable_simulator
    from reward_synth.search.jobs import training_jobs
    from reward_synth.simulators import open_environment

    named, scale = task.environment, task.training.scale
    exportable_simulator(named.id)
    with closing(open_environment(task)) as environment:
        table = fields_of(task, environment)
        job = training_jobs(store, task, store.settings(), candidate)[0]
        recipe = recipe_of(job, table, environment) if train else None
    source, fields = store.read_reward(candidate), table.for_rewards()
    goal, shown = store.info.goal, shown_by(task)
    return export(source, named.id, named.arguments, task.horizon, fields, goal, scale, recipe, shown)


def shown_by(task: TaskSpec) -> Shown | None:
    """What the task's policies see besides the observation, if anything."""
    from reward_synth.evaluation.play import more_seen
    from reward_synth.export.standalone import Shown

    more = more_seen(task)
    return None if more is None else Shown(task.environment.observes, list(more.table), task.horizon)


def recipe_of(job: TrainJob, table: FieldTable, environment: gymnasium.Env[Any, Any]) -> Recipe:
    """What stable-baselines3 needs to train as the job does.

    :param table: all fields of the environment, which is reset and stepped to measure how long a step lasts.
    """
    from reward_synth.evaluation.play import step_length
    from reward_synth.evaluation.scoring import measured_table
    from reward_synth.evaluation.select import FINAL_EPISODES

    preset, task, arguments = job.preset, job.task, job.preset.arguments(job.steps)
    if preset.learner != "ppo":
        # stable-baselines3 counts decisions.
        arguments["learning_starts"] //= preset.action_repeat
    return Recipe(
        learner="PPO" if preset.learner == "ppo" else "SAC",
        arguments=arguments,
        environments=preset.environments,
        action_repeat=preset.action_repeat,
        clip_obs=preset.clip_obs,
        centred=preset.learner == "ppo" and bool(getattr(environment.unwrapped, LASTS, False)),
        steps=job.steps,
        settles_from=job.settles_from if preset.learner == "ppo" else None,
        seed=job.seed,
        differences=_differences(job),
        success=task.success,
        fitness=task.fitness,
        unit=task.fitness_unit,
        measured=list(measured_table(task, table)),
        seconds_per_step=step_length(task, environment),
        horizon=task.horizon,
        episodes=max(task.evaluation.episodes, FINAL_EPISODES),
    )


def _differences(job: TrainJob) -> list[str]:
    """How stable-baselines3's training differs from this package's, a sentence each."""
    found = ["It goes to its end, while a search stops one that has solved its task or learns no more."]
    if job.preset.learner == "ppo":
        return found
    if job.preset.learner == "tqc":
        found.append("It is SAC: truncated quantile critics are not in stable-baselines3.")
    if job.preset.layer_norm:
        found.append("The critics have no layer normalisation, with which many updates per step do no harm.")
    found.append("The networks' first weights are drawn as PyTorch draws them, and not as Flax does.")
    return found
