"""The learners by name."""

from __future__ import annotations

import os

from gymnasium.spaces import Discrete
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.training.job import TrainJob
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.ppo import PPOLearner
from reward_synth.training.presets import PPOPreset, require_fitting, require_learner


def open_learner(job: TrainJob, venv: VecNormalize) -> Learner:
    """The learner that the job's preset is for, untrained.

    :raises RewardSynthError: it is not installed, or is not for such actions.
    """
    if isinstance(job.preset, PPOPreset):
        return PPOLearner(job.preset, venv, job.seed)
    require_learner(job.preset.learner)
    require_fitting(job.preset.learner, isinstance(venv.action_space, Discrete), job.task.environment.id)
    # JAX reads these once, when it starts. As with PyTorch, more threads make small networks slower.
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    from reward_synth.training.learners.off_policy import OffPolicyLearner

    return OffPolicyLearner(job.preset, venv, job.seed, job.steps)
