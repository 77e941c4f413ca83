"""The learners by name."""

from __future__ import annotations

from gymnasium.spaces import Discrete
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.training.job import TrainJob
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.off_policy import OffPolicyLearner
from reward_synth.training.learners.ppo import PPOLearner
from reward_synth.training.presets import PPOPreset, require_fitting


def open_learner(job: TrainJob, venv: VecNormalize) -> Learner:
    """The learner that the job's preset is for, untrained.

    :raises RewardSynthError: it is not for such actions.
    """
    if isinstance(job.preset, PPOPreset):
        return PPOLearner(job.preset, venv, job.seed, job.steps, job.settles_from)
    require_fitting(job.preset.learner, isinstance(venv.action_space, Discrete), job.task.environment.id)
    return OffPolicyLearner(job.preset, venv, job.seed, job.steps)
