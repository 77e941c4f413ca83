"""Learners by name. This module, and its neighbours in the folder, alone import stable-baselines3."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.training.job import TrainJob
from reward_synth.training.learners.ppo import PlainPPO
from reward_synth.training.presets import PPOPreset, require_fitting, require_learner


class Learner(ABC):
    """A stable-baselines3 algorithm, ``model``, with what a training needs of it beyond that."""

    model: Any

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that it has learned and goes on learning from: tensors and plain values only."""

    @abstractmethod
    def restore(self, state: dict[str, Any], seed: int) -> None:
        """Take over what :meth:`state` gave.

        :param seed: of random numbers that the state does not hold.
        :raises ValueError: it is another network's.
        """

    @abstractmethod
    def is_finite(self) -> bool:
        """False if a weight or the newest loss is not; nothing that follows could mend that."""

    def losses_finite(self, *names: str) -> bool:
        """False if one of these logged figures is not finite; one that was not logged is."""
        return bool(np.isfinite([self.model.logger.name_to_value.get(f"train/{name}", 0.0) for name in names]).all())


class PPOLearner(Learner):
    """Stable-baselines3's PPO on PyTorch."""

    def __init__(self, preset: PPOPreset, venv: VecNormalize, seed: int) -> None:
        self.model = PlainPPO(
            "MlpPolicy",
            venv,
            n_steps=preset.n_steps,
            batch_size=preset.batch_size,
            n_epochs=preset.n_epochs,
            learning_rate=preset.learning_rate,
            gamma=preset.gamma,
            gae_lambda=preset.gae_lambda,
            ent_coef=preset.ent_coef,
            policy_kwargs={
                "net_arch": list(preset.hidden),
                "log_std_init": preset.log_std_init,
                # One call for all parameters: a tenth of an update of networks as small as these.
                "optimizer_kwargs": {"fused": True, "eps": 1e-5},
            },
            seed=seed,
            device="cpu",
        )

    def state(self) -> dict[str, Any]:
        """Network and optimiser."""
        parameters: dict[str, Any] = self.model.get_parameters()
        return parameters

    def restore(self, state: dict[str, Any], seed: int) -> None:
        """See :class:`Learner`; the seed is not needed."""
        self.model.set_parameters(state, exact_match=True, device="cpu")

    def is_finite(self) -> bool:
        """See :class:`Learner`."""
        parameters = self.model.policy.parameters()
        return self.losses_finite("loss") and all(bool(torch.isfinite(p).all()) for p in parameters)


def open_learner(job: TrainJob, venv: VecNormalize) -> Learner:
    """The learner that the job's preset is for, untrained.

    :raises RewardSynthError: it is not installed, or is not for such actions.
    """
    if isinstance(job.preset, PPOPreset):
        return PPOLearner(job.preset, venv, job.seed)
    require_learner(job.preset.learner)
    require_fitting(job.preset.learner, isinstance(venv.action_space, Discrete), job.task.environment.id)
    # Read once, where JAX starts. As with PyTorch, more threads make small networks slower.
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    from reward_synth.training.learners.off_policy import OffPolicyLearner

    return OffPolicyLearner(job.preset, venv, job.seed, job.steps)
