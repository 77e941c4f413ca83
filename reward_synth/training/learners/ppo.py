"""stable-baselines3's PPO without the figures that nobody reads: the same policies to the last bit."""

from __future__ import annotations

import torch
from gymnasium.spaces import Discrete
from stable_baselines3 import PPO
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_


class PlainPPO(PPO):
    """PPO whose update computes gradients and nothing else.

    With networks as small as ours an eighth of stable-baselines3's update goes into what it logs for every batch:
    clipped share, divergence, entropy, explained variance. Here the last loss alone is logged, and the entropy
    enters only where it is paid for. Leaves out what no preset uses: clipped values, a divergence to stop at, and
    state-dependent exploration.
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
