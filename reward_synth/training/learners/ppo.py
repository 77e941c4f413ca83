"""stable-baselines3's PPO with a rollout and an update in numpy. It trains the same policies, up to rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from reward_synth.training.learners.action_distributions import Choices, Distribution, Gaussian
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.networks import Array, Weights, network_of, rows_of
from reward_synth.training.presets import PPOPreset

LAST_RATE = 0.1
"""Share of the learning rate at the end of a training that settles."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """Decisions of a policy with what came of them, one in each row."""

    observations: Array
    actions: NDArray[Any]
    log_probs: Array
    advantages: Array
    returns: Array

    def __len__(self) -> int:
        return len(self.returns)

    def take(self, rows: NDArray[np.int64] | slice) -> Decisions:
        """Only these rows."""
        return Decisions(
            self.observations[rows],
            self.actions[rows],
            self.log_probs[rows],
            self.advantages[rows],
            self.returns[rows],
        )

    def batches(self, size: int) -> Iterator[Decisions]:
        """All rows in random order, in batches of this size. The last one may be smaller."""
        shuffled = self.take(np.random.permutation(len(self)))
        for start in range(0, len(self), size):
            yield shuffled.take(slice(start, start + size))


class NumpyPPO(PPO):
    """PPO (Schulman et al., 2017) whose rollout and update are written out in numpy.

    With networks as small as ours, PyTorch spends most of its time on bookkeeping. Weights, optimiser, shuffling, noise
    and saved files remain stable-baselines3's. What no preset uses is left out: clipped values, a limit on the
    divergence, state-dependent exploration, and layers that actor and critic share.
    """

    _last_obs: NDArray[Any]
    settles: tuple[int, int] | None = None
    """The step from which the learning rate follows a line from the whole rate at step 0 to a tenth, and the step at
    which it is a tenth; None if it stays."""

    def _setup_model(self) -> None:
        super()._setup_model()
        policy, optimizer = self.policy, self.policy.optimizer
        self._weights = Weights(list(policy.parameters()), optimizer, self.max_grad_norm)
        self._actor = network_of(self._weights, [*policy.mlp_extractor.policy_net, policy.action_net])
        self._critic = network_of(self._weights, [*policy.mlp_extractor.value_net, policy.value_net])
        self._distribution: Distribution = Choices()
        if isinstance(self.action_space, Box):
            self._distribution = Gaussian(*self._weights.of(policy.log_std))
        self._decisions: Decisions

    def _excluded_save_params(self) -> list[str]:
        ours = ["_weights", "_actor", "_critic", "_distribution", "_decisions"]
        return [*super()._excluded_save_params(), *ours]

    def set_parameters(self, *arguments: Any, **named: Any) -> None:
        """Take over networks and optimiser state; see stable-baselines3."""
        super().set_parameters(*arguments, **named)
        self._weights.share_state()

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Step the environments; returns False if the callback ends the training. The buffer stays empty."""
        callback.on_rollout_start()
        shape = (n_rollout_steps, env.num_envs)
        seen: list[Array] = []
        chosen: list[NDArray[Any]] = []
        rewards, ends = np.zeros(shape, np.float32), np.zeros(shape, dtype=bool)
        # Where time alone ended an episode, what the policy would still have earned is added to the last reward.
        cut: list[tuple[int, int]] = []
        last_seen: list[Array] = []
        for step in range(n_rollout_steps):
            seen.append(rows_of(self._last_obs))
            chosen.append(self._distribution.sample(self._actor(seen[-1])))
            taken = chosen[-1]
            if isinstance(self.action_space, Box):
                taken = np.minimum(np.maximum(taken, self.action_space.low), self.action_space.high)
            self._last_obs, rewards[step], ends[step], infos = env.step(taken)
            self.num_timesteps += env.num_envs
            if not callback.on_step():
                return False
            for index in np.flatnonzero(ends[step]).tolist():
                if infos[index].get("TimeLimit.truncated", False):
                    cut.append((step, index))
                    last_seen.append(rows_of(infos[index]["terminal_observation"][None]))
        observations, actions = np.stack(seen), np.stack(chosen)
        values = self._values(np.concatenate((observations, rows_of(self._last_obs)[None])))
        if cut:
            rewards[tuple(np.transpose(cut))] += self.gamma * self._values(np.concatenate(last_seen))
        advantages = self._advantages(rewards, values, ends)
        flat_actions = actions.reshape(-1, *actions.shape[2:])
        outputs = self._actor(observations.reshape(-1, observations.shape[-1]))
        log_probs = self._distribution.log_prob(outputs, flat_actions).reshape(shape)
        # stable-baselines3's order, environment by environment, so that it shuffles alike.
        rows = np.arange(rewards.size).reshape(shape).T.ravel()
        self._decisions = Decisions(
            observations.reshape(-1, observations.shape[-1]),
            flat_actions,
            log_probs.ravel(),
            advantages.ravel(),
            (advantages + values[:-1]).ravel(),
        ).take(rows)
        callback.on_rollout_end()
        return True

    def _values(self, observations: Array) -> Array:
        """The critic's values (…) of observations (…, O)."""
        values: Array = self._critic(observations.reshape(-1, observations.shape[-1])).reshape(observations.shape[:-1])
        return values

    def _advantages(self, rewards: Array, values: Array, ends: NDArray[np.bool_]) -> Array:
        """Generalised advantage estimates (Schulman et al., 2016), shape (steps, environments) as the rewards.

        :param values: (steps + 1, environments), with those of the observations after the last step.
        :param ends: True where an episode ended at the step.
        """
        goes_on = (self.gamma * ~ends).astype(np.float32)
        advantages: Array = rewards + goes_on * values[1:] - values[:-1]
        goes_on *= self.gae_lambda
        for step in reversed(range(len(rewards) - 1)):
            advantages[step] += goes_on[step] * advantages[step + 1]
        return advantages

    def train(self) -> None:
        """Update the policy from the latest rollout."""
        loss, rate = 0.0, self.lr_schedule(1.0)
        if self.settles is not None and self.num_timesteps >= self.settles[0]:
            rate *= max(LAST_RATE, 1 - (1 - LAST_RATE) * self.num_timesteps / self.settles[1])
        # A policy that is no longer finite is found by its learner, and needs no warnings.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(self.n_epochs):
                for batch in self._decisions.batches(self.batch_size):
                    loss = self._descend(batch, rate)
                self._n_updates += 1
        self.logger.record("train/loss", loss)

    def _descend(self, batch: Decisions, learning_rate: float) -> float:
        """Take one step down the gradient of the batch's loss; returns the loss before it."""
        count, clip = len(batch), self.clip_range(1.0)
        advantages = batch.advantages
        if count > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std(ddof=1) + 1e-8)
        log_probs = self._distribution.log_prob(self._actor(batch.observations), batch.actions)
        ratio = np.exp(log_probs - batch.log_probs)
        gains = advantages * ratio
        clipped = advantages * np.minimum(np.maximum(ratio, 1 - clip), 1 + clip)
        # Where clipping lowers a gain, the loss does not depend on the policy.
        slopes = np.where(gains <= clipped, gains, np.float32(0.0))
        slopes *= -1 / count
        self._actor.backward(self._distribution.backward(slopes, self.ent_coef))
        errors = self._critic(batch.observations)[:, 0] - batch.returns
        self._critic.backward(errors[:, None] * np.float32(2 * self.vf_coef / count))
        loss: float = self.vf_coef * float(errors @ errors) / count - float(np.minimum(gains, clipped).mean())
        if self.ent_coef:
            loss -= self.ent_coef * self._distribution.mean_entropy()
        self._weights.update(learning_rate)
        return loss


class PPOLearner(Learner):
    """PPO with the networks of stable-baselines3's ``MlpPolicy``.

    :param steps: the training's budget in environment steps.
    :param settles_from: see :class:`~reward_synth.training.job.TrainJob`.
    """

    def __init__(
        self, preset: PPOPreset, venv: VecNormalize, seed: int, steps: int, settles_from: int | None = None
    ) -> None:
        self.model = NumpyPPO("MlpPolicy", venv, **preset.arguments(steps), seed=seed, device="cpu")
        if settles_from is not None:
            self.model.settles = settles_from, steps

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
