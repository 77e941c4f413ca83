"""Normalises observations and rewards for the learner."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize


class Normalised(VecNormalize):
    """stable-baselines3's normalisation, which no constant in a reward can weaken where nothing can end an episode.

    Observations lose their mean and are divided by their standard deviation. Rewards are divided by that of their
    discounted sums.

    A constant in a reward raises this divisor, and so weakens everything else that the reward says. Where no episode
    can end but by time, a constant changes no policy's rank, and rewards may lose their mean first. Elsewhere a
    constant pays for lasting, or for ending soon. The choice holds for a whole training: a learner whose rewards change
    their scale in the middle loses what it had learnt.

    :param centred: rewards lose their mean. It moves with the policy, which is wrong for a learner that remembers old
        rewards.
    """

    returns: NDArray[np.float64]

    def __init__(self, *arguments: Any, centred: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.centred = centred
        self.reward_rms = RunningMeanStd(shape=())

    @property
    def _shift(self) -> Any:
        """What rewards lose before they are divided."""
        return self.reward_rms.mean if self.centred else 0.0

    def step_wait(self) -> Any:
        """Step, and normalise what comes back; ``info["terminal_observation"]`` too."""
        observations, rewards, dones, infos = self.venv.step_wait()
        self.old_obs, self.old_reward = observations, rewards
        if self.training:
            _add(self.obs_rms, observations)
            self._update_reward(rewards)
        for index in np.flatnonzero(dones).tolist():
            infos[index]["terminal_observation"] = self.normalize_obs(infos[index]["terminal_observation"])
        self.returns[dones] = 0
        return self.normalize_obs(observations), self.normalize_reward(rewards), dones, infos

    def normalize_obs(self, obs: Any) -> Any:
        """Observations of any number, normalised and bounded."""
        found = (obs - self.obs_rms.mean) / np.sqrt(self.obs_rms.var + self.epsilon)
        return np.minimum(np.maximum(found, -self.clip_obs), self.clip_obs).astype(np.float32)

    def normalize_reward(self, reward: NDArray[Any]) -> NDArray[Any]:
        """Rewards of any number, normalised and bounded."""
        found = (reward - self._shift) / np.sqrt(self.ret_rms.var + self.epsilon)
        return np.asarray(np.minimum(np.maximum(found, -self.clip_reward), self.clip_reward), np.float32)

    def _update_reward(self, reward: NDArray[Any]) -> None:
        if self.centred:
            _add(self.reward_rms, reward)
        self.returns = self.returns * self.gamma + (reward - self._shift)
        _add(self.ret_rms, self.returns)


def _add(statistics: RunningMeanStd, values: NDArray[Any]) -> None:
    """As ``statistics.update``, in a third of its time."""
    mean = np.add.reduce(values, axis=0, dtype=np.float64) / len(values)
    deviations = values - mean
    statistics.update_from_moments(mean, np.add.reduce(deviations * deviations, axis=0) / len(values), len(values))
