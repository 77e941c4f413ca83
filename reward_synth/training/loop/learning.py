"""Training one policy on one generated reward."""

from __future__ import annotations

import torch

from reward_synth.core.files import written_whole
from reward_synth.evaluation.play import recorder_of
from reward_synth.sandbox.process import RewardProcess, ScoringProcess
from reward_synth.simulators.protocol import LASTS
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.training.job import TrainJob, collect_terms
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop.checkpoint import load_checkpoint, restore, save_checkpoint
from reward_synth.training.loop.evaluation_callback import Watch
from reward_synth.training.loop.normalisation import Normalised
from reward_synth.training.loop.policy_export import policy_of
from reward_synth.training.loop.rollout import GeneratedReward, TransitionVecEnv
from reward_synth.training.outcomes import Training
from reward_synth.training.presets import PPOPreset
from reward_synth.training.scale import SignScale


def learn(
    job: TrainJob, table: FieldTable, measured: FieldTable, reward: RewardProcess, scoring: ScoringProcess
) -> Training:
    """Train on the generated reward alone, watch the task's own measure, and save the policy.

    The training continues from its checkpoint, if there is one, and leaves one if it is to pause.

    :param table: the fields that the reward reads.
    :param measured: the fields that the judge reads.
    :raises RewardError: the reward fails on a transition.
    :raises RewardSynthError: the policy is no longer finite, or the checkpoint cannot be read.
    """
    # More threads make these small networks slower, and two trainings on two cores would compete for them.
    torch.set_num_threads(1)
    # By default, each use of a distribution checks all its numbers; the callback checks them once per update.
    torch.distributions.Distribution.set_default_validate_args(False)
    venv = make_environments(job, table, reward)
    learner = open_learner(job, venv)
    watch = Watch(job, measured, scoring, venv, learner)
    earlier = load_checkpoint(job)
    # This file may be left from an earlier training. In this one, no policy has replaced the last one yet.
    job.last_policy_path.unlink(missing_ok=True)
    if earlier is not None:
        restore(earlier, job, learner, venv, watch)
    else:
        job.best_policy_path.unlink(missing_ok=True)
        job.evaluations_path.unlink(missing_ok=True)
    goes_on = learner.model.num_timesteps < job.target
    if goes_on:
        _train(job, learner, venv, watch)
    # After a checkpoint at the very end, the policy's file is missing if the result was set aside meanwhile.
    if goes_on or not job.policy_path.exists():
        with written_whole(job.folder / "model.zip") as file:
            learner.model.save(file)
        policy_of(learner.model, venv, job.preset.action_repeat).save(job.policy_path)
        # A training that ends as solved may have to go on.
        if job.keep_checkpoint or _pauses(learner, job, watch) or watch.solved:
            save_checkpoint(job, learner, venv, watch)
    venv.close()
    return Training(
        reason=watch.reason,
        solved=watch.solved,
        paused=_pauses(learner, job, watch),
        steps=int(learner.model.num_timesteps),
        evaluations=tuple(watch.evaluations),
        terms=collect_terms(job.terms, watch.term_points),
        dense_sums=watch.dense_sums,
    )


def _pauses(learner: Learner, job: TrainJob, watch: Watch) -> bool:
    return not watch.reason and learner.model.num_timesteps < job.steps


def _train(job: TrainJob, learner: Learner, venv: Normalised, watch: Watch) -> None:
    done = learner.model.num_timesteps
    try:
        learner.model.learn(job.target - done, callback=watch, reset_num_timesteps=done == 0)
        venv.venv.check_purity()
    finally:
        watch.close()


def make_environments(job: TrainJob, table: FieldTable, process: RewardProcess) -> Normalised:
    """The job's parallel environments for the learner, with the generated reward and with normalisation."""
    task, preset = job.task, job.preset

    def make() -> StateRecorder:
        return recorder_of(task, table)

    venv = TransitionVecEnv([make] * preset.environments, table.width())
    venv.seed(job.seed)
    scale = SignScale(process.terms, preset.environments) if task.training.scale == "sign" else None
    lasts = all(getattr(each.unwrapped, LASTS, False) for each in venv.envs)
    centred = lasts and isinstance(preset, PPOPreset)
    paying = GeneratedReward(venv, process, preset.action_repeat, scale)
    return Normalised(paying, centred=centred, gamma=preset.gamma, clip_obs=preset.clip_obs)
