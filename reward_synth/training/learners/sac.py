"""stable-baselines3's SAC with its update in numpy, and TQC, which is SAC with other critics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN, SACPolicy
from torch import nn

from reward_synth.training.learners.critics import Estimate
from reward_synth.training.learners.networks import Array, Weights, network_of, rows_of

_TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is truncated at plus and minus 2."""


class Critic(ContinuousCritic):
    """Critics of any number of outputs, with layer normalisation if wanted."""

    q_networks: list[nn.Module]

    def __init__(self, *arguments: Any, outputs: int, layer_norm: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.q_networks = [self._with(network, outputs, layer_norm) for network in self.q_networks]
        for index, network in enumerate(self.q_networks):
            self.add_module(f"qf{index}", network)

    @staticmethod
    def _with(network: Any, outputs: int, layer_norm: bool) -> nn.Sequential:
        modules: list[nn.Module] = []
        for module in network:
            modules.append(module)
            if isinstance(module, nn.Linear) and layer_norm:
                modules.append(nn.LayerNorm(module.out_features))
        last = next(module for module in reversed(modules) if isinstance(module, nn.Linear))
        kept = modules[: modules.index(last)]
        return nn.Sequential(*kept, nn.Linear(last.in_features, outputs))


class ActorCritics(SACPolicy):
    """SAC's actor, and such critics. Weights start as Flax draws them: the presets were found with it."""

    def __init__(self, *arguments: Any, outputs: int, layer_norm: bool, **named: Any) -> None:
        self._critic_form: dict[str, Any] = {"outputs": outputs, "layer_norm": layer_norm}
        super().__init__(*arguments, **named)

    def make_actor(self, features_extractor: Any = None) -> Any:
        """See :class:`SACPolicy`."""
        return _drawn(super().make_actor(features_extractor))

    def make_critic(self, features_extractor: Any = None) -> Critic:
        """See :class:`SACPolicy`."""
        arguments = self._update_features_extractor(self.critic_kwargs, features_extractor)
        critic: Critic = _drawn(Critic(**arguments, **self._critic_form))
        return critic

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), **self._critic_form}


def _drawn(module: Any) -> Any:
    """The module with weights from LeCun's truncated normal distribution and no biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            scale = 1 / (_TRUNCATED * layer.in_features**0.5)
            nn.init.trunc_normal_(layer.weight, std=scale, a=-2 * scale, b=2 * scale)
            nn.init.zeros_(layer.bias)
    return module


@dataclass(frozen=True, eq=False)
class Drawn:
    """Actions that an actor drew, (n, A), squashed to between -1 and 1, and how."""

    actions: Array
    log_probs: Array
    """(n,)."""
    noise: Array
    deviation: Array
    bounded: Any
    """True where the logarithm of the standard deviation is at a bound."""


class NumpySAC(SAC):
    """Soft actor-critic (Haarnoja et al., 2018) whose update is written out in numpy.

    Replay, rollout, optimiser state and saved files are stable-baselines3's. Each update changes the critics, then
    their targets, the actor, and last the entropy coefficient.

    :param estimate: what the critics estimate.
    """

    def __init__(self, *arguments: Any, estimate: Estimate, **named: Any) -> None:
        self._estimate = estimate
        super().__init__(*arguments, **named)

    def _setup_model(self) -> None:
        super()._setup_model()
        actor, critic, target = self.actor, self.critic, self.critic_target
        # The heads for mean and standard deviation become one layer.
        heads = [actor.mu.weight, actor.log_std.weight, actor.mu.bias, actor.log_std.bias]
        self._actor_weights = Weights([*actor.latent_pi.parameters(), *heads], actor.optimizer)
        self._actor_network = network_of(self._actor_weights, [*actor.latent_pi], [actor.mu, actor.log_std])
        self._critic_weights = Weights(list(critic.parameters()), critic.optimizer)
        self._critics = [network_of(self._critic_weights, [*each]) for each in critic.q_networks]
        self._target_weights = Weights(list(target.parameters()))
        self._targets = [network_of(self._target_weights, [*each]) for each in target.q_networks]
        self._entropy_weights: Weights | None = None
        if self.ent_coef_optimizer is not None:
            self._entropy_weights = Weights([self.log_ent_coef], self.ent_coef_optimizer)

    def _excluded_save_params(self) -> list[str]:
        ours = ["_actor_weights", "_actor_network", "_critic_weights", "_critics", "_target_weights", "_targets"]
        return [*super()._excluded_save_params(), *ours, "_entropy_weights", "_estimate"]

    def set_parameters(self, *arguments: Any, **named: Any) -> None:
        """Take over networks and optimiser state; see stable-baselines3."""
        super().set_parameters(*arguments, **named)
        for weights in (self._actor_weights, self._critic_weights, self._entropy_weights):
            if weights is not None:
                weights.share_state()

    def train(self, gradient_steps: int, batch_size: int = 256) -> None:
        """Update the networks this many times, each from a batch of this size."""
        losses: tuple[float, ...] = ()
        samples = self.replay_buffer.sample(batch_size * gradient_steps, env=self._vec_normalize_env)
        arrays = ReplayBufferSamples(*(None if each is None else each.numpy() for each in samples))
        # A policy that is no longer finite is found by its learner, and needs no warnings.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for first in range(0, batch_size * gradient_steps, batch_size):
                rows = slice(first, first + batch_size)
                losses = self._update(ReplayBufferSamples(*(None if each is None else each[rows] for each in arrays)))
        self._n_updates += gradient_steps
        for name, loss in zip(("critic_loss", "actor_loss", "ent_coef_loss"), losses, strict=True):
            self.logger.record(f"train/{name}", loss)

    def _update(self, batch: ReplayBufferSamples) -> tuple[float, float, float]:
        coefficient, rate = self._coefficient(), self.lr_schedule(1.0)
        critic_loss = self._descend_critics(batch, coefficient)
        self._critic_weights.update(rate)
        targets = self._target_weights.values
        targets += np.float32(self.tau) * (self._critic_weights.values - targets)
        actor_loss, entropy = self._descend_actor(rows_of(batch.observations), coefficient)
        self._actor_weights.update(rate)
        surplus = entropy - self.target_entropy
        if self._entropy_weights is None:
            return critic_loss, actor_loss, 0.0
        self._entropy_weights.of(self.log_ent_coef).slopes[:] = surplus
        self._entropy_weights.update(rate)
        return critic_loss, actor_loss, float(np.log(coefficient)) * surplus

    def _coefficient(self) -> float:
        """The weight of the entropy."""
        if self._entropy_weights is None:
            return float(self.ent_coef_tensor)
        return float(np.exp(self._entropy_weights.values[0]))

    def _descend_critics(self, batch: ReplayBufferSamples, coefficient: float) -> float:
        seen = rows_of(batch.next_observations)
        drawn = self._draw(seen)
        following = np.concatenate((seen, drawn.actions), axis=1)
        values = self._estimate.target([network(following) for network in self._targets])
        values = values - np.float32(coefficient) * drawn.log_probs[:, None]
        discounts = self.gamma if batch.discounts is None else batch.discounts
        targets = batch.rewards + (1 - batch.dones) * discounts * values
        taken = np.concatenate((rows_of(batch.observations), batch.actions), axis=1)
        total = 0.0
        for network in self._critics:
            loss, slopes = self._estimate.loss(network(taken), targets)
            network.backward(slopes)
            total += loss
        return total

    def _descend_actor(self, observations: Array, coefficient: float) -> tuple[float, float]:
        """Write the slopes of the actor's loss; returns the loss and the mean entropy of its actions."""
        drawn = self._draw(observations)
        taken = np.concatenate((observations, drawn.actions), axis=1)
        value, by_outputs = self._estimate.value([network(taken) for network in self._critics])
        worth = sum(
            network.backward(slopes, weights=False, inputs=True)[:, observations.shape[1] :]
            for network, slopes in zip(self._critics, by_outputs, strict=True)
        )
        # For the same noise, the density of an action falls where the squashing is flat: by 2 tanh for each unit.
        weight = np.float32(coefficient / len(observations))
        by_means = 2 * weight * drawn.actions - worth * (1 - np.square(drawn.actions))
        by_log_stds = by_means * drawn.noise * drawn.deviation - weight
        by_log_stds[drawn.bounded] = 0.0
        self._actor_network.backward(np.concatenate((by_means, by_log_stds), axis=1))
        entropy = -float(drawn.log_probs.mean())
        return -coefficient * entropy - value, entropy

    def _draw(self, observations: Array) -> Drawn:
        means, log_stds = np.split(self._actor_network(observations), 2, axis=1)
        kept = np.minimum(np.maximum(log_stds, LOG_STD_MIN), LOG_STD_MAX)
        noise, deviation = torch.randn(means.shape).numpy(), np.exp(kept)
        raw = means + deviation * noise
        # The logarithm of tanh's derivative, in a form that does not lose digits: Lillicrap et al. (2019), TensorFlow.
        squashing = 2 * (np.float32(np.log(2)) - raw - np.logaddexp(np.float32(0), -2 * raw))
        densities = -0.5 * np.square(noise) - kept - np.float32(0.5 * np.log(2 * np.pi))
        return Drawn(np.tanh(raw), (densities - squashing).sum(axis=1), noise, deviation, kept != log_stds)
