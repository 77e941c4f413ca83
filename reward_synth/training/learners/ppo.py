"""stable-baselines3's PPO without the figures that nobody reads. It trains the same policies to the last bit."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium.spaces import Discrete
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_

from reward_synth.training.learners.base import Learner
from reward_synth.training.presets import PPOPreset


class PlainPPO(PPO):
    """PPO whose update computes gradients and nothing else.

    With networks as small as ours, an eighth of stable-baselines3's update goes into what it logs for every batch:
    clipped share, divergence, entropy, explained variance. Here only the last loss is logged, and the entropy is
    computed only if a preset has an entropy bonus. This class leaves out what no preset uses: clipped values, a limit
    on the divergence, and state-dependent exploration.
    """

    def train(self) -> None:
        """Update the policy from the rollout buffer, as in algorithm 1 of Schulman et al. (2017)."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip_range = self.clip_range(self._current_progress_remaining)
        parameters = list(self.policy.parameters())
        loss = torch.zeros(())
        for _ in range(self.n_epochs):
            for batch in self.rollout_buffer.get(self.batch_size):
                actions = batch.actions
                if isinstance(self.action_space, Discrete):
                    actions = actions.long().flatten()
                values, log_prob, entropy = self.policy.evaluate_actions(batch.observations, actions)
                advantages = batch.advantages
                if len(advantages) > 1:
                    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
                ratio = torch.exp(log_prob - batch.old_log_prob)
                clipped = torch.clamp(ratio, 1 - clip_range, 1 + clip_range)
                loss = -torch.min(advantages * ratio, advantages * clipped).mean()
                if self.ent_coef:
                    loss = loss - self.ent_coef * entropy.mean()
                loss = loss + self.vf_coef * mse_loss(batch.returns, values.flatten())
                self.policy.optimizer.zero_grad()
                loss.backward()
                clip_grad_norm_(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += 1
        self.logger.record("train/loss", loss.item())


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
                # `fused` updates all parameters in one call, which saves a tenth of the time for such small networks.
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
