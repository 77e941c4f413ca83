"""PPO in plain torch as CleanRL describes it for continuous actions, for `returns_per_cpu_second.py`.

Written from CleanRL's documentation ("9 details for continuous action domains" on its page of PPO, at fe8d8a0) and its
published settings; structure and text are this project's own. It does what they say, with less around it: no logging,
and no wrappers one inside the other, so a step costs a little less than upstream's. Entropy, whose weight is 0, is not
computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from gymnasium.wrappers.utils import RunningMeanStd
from numpy.typing import NDArray

Array = NDArray[Any]
Act = Callable[[Array], Array]
GAMMA, TRACE, CLIP = 0.99, 0.95, 0.2
"""Discount, lambda of the advantages, and how far a probability's ratio may move; the same in both settings."""
BOUND = 10.0
"""Normalised observations and rewards are clipped at plus and minus this."""


@dataclass(frozen=True)
class Settings:
    """Published settings; the learning rate falls to 0 in a straight line over ``total`` steps."""

    environments: int
    steps: int
    """Of each environment in a rollout."""
    total: int
    learning_rate: float
    batches: int
    epochs: int
    clips_values: bool
    value_weight: float
    gradient_norm: float


MUJOCO = Settings(1, 2048, 1_000_000, 3e-4, 32, 10, True, 0.5, 0.5)
"""The defaults of ppo_continuous_action.py in CleanRL 2.0.0b1 (vwxyzjn/cleanrl at fe8d8a0)."""
ENVPOOL = Settings(64, 64, 10_000_000, 0.00295, 4, 2, False, 1.3, 3.5)
"""The defaults of CleanRL's ppo_continuous_action_envpool.py (vwxyzjn/envpool-cleanrl at 0b97ab9)."""


class Environments(Protocol):
    """N environments side by side."""

    sizes: tuple[int, int]
    """Elements of an observation, O, and of an action, A."""

    def reset(self) -> Array:
        """Observations (N, O)."""

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array]:
        """Observations (N, O), rewards, which episodes ended by themselves, and which ended at all, (N,) each."""


class GymnasiumOne:
    """One environment of Gymnasium, which starts again as soon as an episode ends."""

    def __init__(self, env_id: str, seed: int) -> None:
        import gymnasium

        self._env, self._seed = gymnasium.make(env_id), seed
        self.sizes = self._env.observation_space.shape[0], self._env.action_space.shape[0]

    def reset(self) -> Array:
        return self._env.reset(seed=self._seed)[0][None]

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array]:
        observation, reward, terminated, truncated, _ = self._env.step(actions[0])
        if terminated or truncated:
            observation, _ = self._env.reset()
        told = (reward, terminated, terminated or truncated)
        return observation[None], *(np.array([each]) for each in told)  # type: ignore[return-value]


class EnvPoolMany:
    """EnvPool's environments with one thread.

    They return an episode's last observation, and the next step, whatever its action, the first one of the next
    episode with a reward of 0. CleanRL learns from that step as from any other, and so does this.
    """

    def __init__(self, env_id: str, count: int, seed: int) -> None:
        import envpool

        self._envs = envpool.make(env_id, env_type="gymnasium", num_envs=count, num_threads=1, seed=seed)
        self.sizes = self._envs.observation_space.shape[0], self._envs.action_space.shape[0]

    def reset(self) -> Array:
        return self._envs.reset()[0]

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array]:
        observations, rewards, terminated, truncated, _ = self._envs.step(actions.astype(np.float64))
        return observations, rewards, terminated, terminated | truncated


class Scaled:
    """Environments whose actions are clipped, and whose observations and rewards are normalised by running figures."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments
        self.sizes = environments.sizes
        self._seen = RunningMeanStd(shape=self.sizes[:1])
        self._sums = RunningMeanStd(shape=())
        self._running: Array = np.zeros(1)
        """Discounted sums of the rewards so far, by whose spread rewards are divided."""

    def normalise(self, observations: Array) -> Array:
        """By what has been seen so far, without adding to it."""
        found = (observations - self._seen.mean) / np.sqrt(self._seen.var + 1e-8)
        return np.minimum(np.maximum(found, -BOUND), BOUND).astype(np.float32)

    def reset(self) -> Array:
        observations = self._environments.reset()
        self._seen.update(observations)
        return self.normalise(observations)

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        """Normalised observations and rewards, and which episodes ended."""
        bounded = np.minimum(np.maximum(actions, -1.0), 1.0)  # the range of all four bodies' actions
        observations, rewards, terminated, ended = self._environments.step(bounded)
        self._seen.update(observations)
        self._running = self._running * GAMMA * ~terminated + rewards
        self._sums.update(self._running)
        scaled = np.minimum(np.maximum(rewards / np.sqrt(self._sums.var + 1e-8), -BOUND), BOUND)
        return self.normalise(observations), scaled.astype(np.float32), ended


class Networks(torch.nn.Module):
    """Actor and critic apart, and a standard deviation that does not depend on the state."""

    def __init__(self, observation: int, action: int) -> None:
        super().__init__()
        self.actor, self.critic = _network(observation, action, 0.01), _network(observation, 1, 1.0)
        self.log_std = torch.nn.Parameter(torch.zeros(action))

    def log_prob(self, means: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Logarithm of the density of actions (..., A)."""
        away = (actions - means) * torch.exp(-self.log_std)
        return -0.5 * (away * away).sum(-1) - self.log_std.sum() - 0.5 * math.log(2 * math.pi) * actions.shape[-1]


def _network(inputs: int, outputs: int, gain: float) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for before, after, scale in ((inputs, 64, math.sqrt(2)), (64, 64, math.sqrt(2)), (64, outputs, gain)):
        layer = torch.nn.Linear(before, after)
        torch.nn.init.orthogonal_(layer.weight, scale)
        torch.nn.init.zeros_(layer.bias)
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


class Rollout(NamedTuple):
    """T steps of N environments, one row for each: all of shape (T N, ...)."""

    observations: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    values: torch.Tensor
    advantages: torch.Tensor


class Learner:
    """Learns in the environments by the settings."""

    def __init__(self, environments: Environments, settings: Settings, seed: int) -> None:
        torch.manual_seed(seed)
        self._environments, self._settings = Scaled(environments), settings
        self._networks = Networks(*environments.sizes)
        self._optimiser = torch.optim.Adam(self._networks.parameters(), settings.learning_rate, eps=1e-5)
        self._seen = self._environments.reset()
        self._steps = 0

    def act(self, observations: Array) -> Array:
        """The means of the policy's actions (n, A), for observations (n, O) as the environment gives them."""
        with torch.no_grad():
            return self._networks.actor(torch.from_numpy(self._environments.normalise(observations))).numpy()

    def learn(self, goes_on: Callable[[int], bool]) -> None:
        """Learn for the published number of steps, or until ``goes_on``, asked at each step, says no."""
        rounds = self._settings.total // (self._settings.environments * self._settings.steps)
        for number in range(rounds):
            self._optimiser.param_groups[0]["lr"] = self._settings.learning_rate * (1 - number / rounds)
            rollout = self._collect(goes_on)
            if rollout is None:
                return
            for _ in range(self._settings.epochs):
                for rows in torch.randperm(len(rollout.values)).chunk(self._settings.batches):
                    self._descend(Rollout(*(each[rows] for each in rollout)))

    @torch.no_grad()
    def _collect(self, goes_on: Callable[[int], bool]) -> Rollout | None:
        networks, deviation = self._networks, torch.exp(self._networks.log_std)
        seen, chosen, densities, values, rewards, ends = [], [], [], [], [], []
        for _ in range(self._settings.steps):
            seen.append(torch.from_numpy(self._seen))
            means = networks.actor(seen[-1])
            values.append(networks.critic(seen[-1])[:, 0])
            chosen.append(means + deviation * torch.randn_like(means))
            densities.append(networks.log_prob(means, chosen[-1]))
            self._seen, reward, ended = self._environments.step(chosen[-1].numpy())
            rewards.append(reward)
            ends.append(ended)
            self._steps += self._settings.environments
            if not goes_on(self._steps):
                return None
        values.append(networks.critic(torch.from_numpy(self._seen))[:, 0])
        known = torch.stack(values)
        advantages = torch.from_numpy(_advantages(np.stack(rewards), known.numpy(), np.stack(ends)))
        parts = (torch.stack(seen), torch.stack(chosen), torch.stack(densities), known[:-1], advantages)
        return Rollout(*(each.flatten(0, 1) for each in parts))

    def _descend(self, batch: Rollout) -> None:
        """One step down the gradient of a batch's loss."""
        settings, networks = self._settings, self._networks
        gains = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
        ratio = torch.exp(networks.log_prob(networks.actor(batch.observations), batch.actions) - batch.log_probs)
        policy = -torch.min(gains * ratio, gains * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
        values, wanted = networks.critic(batch.observations)[:, 0], batch.values + batch.advantages
        errors = (values - wanted).square()
        if settings.clips_values:
            moved = batch.values + (values - batch.values).clamp(-CLIP, CLIP)
            errors = torch.max(errors, (moved - wanted).square())
        self._optimiser.zero_grad()
        (policy + settings.value_weight * 0.5 * errors.mean()).backward()
        torch.nn.utils.clip_grad_norm_(networks.parameters(), settings.gradient_norm)
        self._optimiser.step()


def _advantages(rewards: Array, values: Array, ends: Array) -> Array:
    """Generalised advantages (T, N). An episode that time ended counts as one that ended, as in CleanRL.

    :param values: (T + 1, N).
    """
    goes_on = (GAMMA * ~ends).astype(np.float32)
    found: Array = rewards + goes_on * values[1:] - values[:-1]
    for step in reversed(range(len(found) - 1)):
        found[step] += TRACE * goes_on[step] * found[step + 1]
    return found
