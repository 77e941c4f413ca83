"""Environments stepped side by side, with the generated reward in place of the native one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper

from reward_synth.reward.contract import RewardError
from reward_synth.reward.hints import fix_for
from reward_synth.reward.probe import circumstances
from reward_synth.reward.process import RewardProcess
from reward_synth.simulators.base import FloatArray
from reward_synth.types import Finding


class TransitionVecEnv(DummyVecEnv):
    """Steps recorded environments one after the other and keeps each step's transition as arrays.

    stable-baselines3's own version deep-copies every info dict at every step; the rows in them made that a tenth
    of a training. ``states`` and ``next_states`` hold the last step's rows, shape (environments, width);
    ``next_states`` is the row before any automatic reset.
    """

    def __init__(self, make: list[Callable[[], Any]], width: int) -> None:
        super().__init__(make)
        self.states = np.zeros((self.num_envs, width))
        self.next_states = np.zeros((self.num_envs, width))

    def step_wait(self) -> Any:
        """Step all environments; resets those that ended."""
        infos: list[dict[str, Any]] = []
        for index, environment in enumerate(self.envs):
            observation, _, terminated, truncated, native = environment.step(self.actions[index])
            self.states[index] = native["state"]
            self.next_states[index] = native["next_state"]
            info: dict[str, Any] = {}
            if terminated or truncated:
                info["terminal_observation"] = observation
                info["TimeLimit.truncated"] = truncated and not terminated
                observation, _ = environment.reset()
            self.buf_dones[index] = terminated or truncated
            self._save_obs(index, observation)
            infos.append(info)
        return self._obs_from_buf(), self.buf_rews.copy(), self.buf_dones.copy(), infos


class TermWindow:
    """Minimum, mean and maximum of each reward term over the steps since the last ``take``."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._clear()

    def _clear(self) -> None:
        count = len(self._names)
        self._steps = 0
        self._sum = np.zeros(count)
        self._absolute = np.zeros(count)
        self._low = np.full(count, np.inf)
        self._high = np.full(count, -np.inf)
        self._reward = 0.0
        self._episodes = 0
        self._lengths = 0

    def add(self, terms: FloatArray, rewards: FloatArray) -> None:
        """Add one step of all environments: ``terms`` (environments, terms), ``rewards`` (environments,)."""
        self._steps += len(terms)
        self._sum += terms.sum(axis=0)
        self._absolute += np.abs(terms).sum(axis=0)
        np.minimum(self._low, terms.min(axis=0), out=self._low)
        np.maximum(self._high, terms.max(axis=0), out=self._high)
        self._reward += float(rewards.sum())

    def add_episodes(self, lengths: list[int]) -> None:
        """Add the lengths of episodes that ended at this step."""
        self._episodes += len(lengths)
        self._lengths += sum(lengths)

    @property
    def reward_per_step(self) -> float:
        """Mean generated reward; NaN before the first step."""
        return self._reward / self._steps if self._steps else float("nan")

    @property
    def episode_length(self) -> float:
        """Mean length of the episodes that ended; NaN if none did."""
        return self._lengths / self._episodes if self._episodes else float("nan")

    def take(self) -> dict[str, tuple[float, float, float, float]]:
        """(minimum, mean, maximum, share) by term, then start anew. Share is of the mean absolute values."""
        total = float(self._absolute.sum()) or 1.0
        steps = max(self._steps, 1)
        statistics = {
            name: (
                float(self._low[i]) if self._steps else 0.0,
                float(self._sum[i]) / steps,
                float(self._high[i]) if self._steps else 0.0,
                float(self._absolute[i]) / total,
            )
            for i, name in enumerate(self._names)
        }
        self._clear()
        return statistics


class GeneratedReward(VecEnvWrapper):
    """Pays the generated reward, computed for all environments in one call to the reward process."""

    def __init__(self, venv: TransitionVecEnv, process: RewardProcess) -> None:
        super().__init__(venv)
        self._transitions = venv
        self._process = process
        self._starts = np.ones(venv.num_envs, dtype=bool)
        self._actions = np.zeros((venv.num_envs, 1))
        self._length = np.zeros(venv.num_envs, dtype=int)
        self._first: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None = None
        self.window = TermWindow(process.terms)

    def reset(self) -> Any:
        """Reset all environments; every ``memory`` starts empty."""
        self._starts[:] = True
        self._length[:] = 0
        return self.venv.reset()

    def step_async(self, actions: FloatArray) -> None:
        """Remember the actions: the reward is told them too."""
        self._actions = np.asarray(actions, dtype=np.float64)
        self.venv.step_async(actions)

    def step_wait(self) -> Any:
        """Raises :class:`~reward_synth.reward.contract.RewardError` where the reward fails on a transition."""
        observations, _, dones, infos = self.venv.step_wait()
        states, next_states = self._transitions.states, self._transitions.next_states
        try:
            batch = self._process.evaluate(states, self._actions, next_states, self._starts)
        except RewardError as error:
            raise self._located(error) from error
        if self._first is None:
            arrays = (states, self._actions, next_states, batch.terms)
            self._first = tuple(array.copy() for array in arrays)  # type: ignore[assignment]  # four of them
        self._length += 1
        self.window.add(batch.terms, batch.rewards)
        if dones.any():
            self.window.add_episodes(self._length[dones].tolist())
            self._length[dones] = 0
        self._starts = dones.astype(bool)
        return observations, batch.rewards.astype(np.float32), dones, infos

    def _located(self, error: RewardError) -> RewardError:
        """The error with the state that it came from."""
        if error.row is None:
            return error
        where = circumstances(self._process.layout, self._transitions.next_states[error.row])
        return RewardError(error.finding.model_copy(update={"message": error.finding.message + where}), error.row)

    def check_purity(self) -> None:
        """Compute the first step's rewards once more, after everything else.

        The probe has seen a few thousand calls; a state that the reward keeps outside of ``memory`` may show later.

        :raises RewardError: if they differ.
        """
        if self._first is None:
            return
        states, actions, next_states, terms = self._first
        again = self._process.evaluate(states, actions, next_states, np.ones(len(states), dtype=bool)).terms
        differing = np.flatnonzero(~np.isclose(again, terms, rtol=1e-9, atol=1e-12).all(axis=0))
        if len(differing):
            name = self._process.terms[differing[0]]
            message = f"term `{name}` differs when the training's first transitions are run again at its end"
            raise RewardError(Finding(rule="impure", message=message, fix=fix_for("impure", ""), source="probe"))
