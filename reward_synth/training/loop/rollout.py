"""Parallel environments, with the generated reward in place of the native one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.reward.contract import RewardError
from reward_synth.reward.probe_rules import PROBE
from reward_synth.sandbox.process import RewardBatch, RewardProcess
from reward_synth.screening.probe import circumstances
from reward_synth.state import watchdog
from reward_synth.state.recorder import other_shape, require_finite
from reward_synth.training.scale import SignScale

Mask = NDArray[np.bool_]


class TransitionVecEnv(DummyVecEnv):
    """Steps recorded environments one after the other and keeps each step's transition as arrays.

    stable-baselines3's own version deep-copies every info dict at every step. With our rows in them, that took a tenth
    of a training. ``states`` and ``next_states`` hold the last step's rows, shape (environments, width);
    ``next_states`` is the row before any automatic reset. Where ``frozen``, shape (environments,), is true, the
    environment is not stepped: its rows and its observation stay as they are.

    Numbers that are not finite are noticed here, before they reach the reward or the policy and look like their fault.
    """

    def __init__(self, make: list[Callable[[], Any]], width: int) -> None:
        super().__init__(make)
        self.states = np.zeros((self.num_envs, width))
        self.next_states = np.zeros((self.num_envs, width))
        self.frozen = np.zeros(self.num_envs, dtype=bool)
        self._shape = self.observation_space.shape

    def step_wait(self) -> Any:
        """Step all environments that are not frozen, and reset those that ended.

        :raises EnvironmentFault: an environment fails, or gives a number that is not finite.
        """
        watchdog.start()
        infos: list[dict[str, Any]] = []
        self.buf_dones[:] = False
        seen, actions, states, next_states = self.buf_obs[None], self.actions, self.states, self.next_states
        for index, (environment, frozen) in enumerate(zip(self.envs, self.frozen.tolist(), strict=True)):
            info: dict[str, Any] = {}
            infos.append(info)
            if frozen:
                continue
            observation, _, terminated, truncated, native = environment.step(actions[index])
            states[index], next_states[index] = native["state"], native["next_state"]
            if terminated or truncated:
                require_finite(environment, observation, self.next_states[index : index + 1])
                info["terminal_observation"] = observation
                info["TimeLimit.truncated"] = truncated and not terminated
                observation, _ = environment.reset()
                self.buf_dones[index] = True
            seen[index] = self._shaped(environment, observation)
        watchdog.stop()
        # One check for all environments takes as long as one check for a single environment.
        require_finite(self.envs[0], seen, next_states)
        return self._obs_from_buf(), self.buf_rews.copy(), self.buf_dones.copy(), infos

    def reset(self) -> Any:
        """Reset all environments.

        :raises EnvironmentFault: an environment fails.
        """
        watchdog.start()
        observations = super().reset()
        watchdog.stop()
        return observations

    def _shaped(self, environment: Any, observation: Any) -> Any:
        # numpy would spread one number over a whole row without a word.
        if np.shape(observation) != self._shape:
            raise other_shape(environment, observation, "a step")
        return observation


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
        """(minimum, mean, maximum, share) by term, then reset. The share is that of the sum of absolute values."""
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
    """Pays the generated reward, computed for all environments in one call to the reward process.

    Each action is held for ``repeat`` environment steps. The reward is computed at each of them and summed. An
    environment whose episode ends before that waits for the next decision, so no action reaches into another episode.

    :param scale: how the terms become the reward; None sums them.
    """

    def __init__(
        self, venv: TransitionVecEnv, process: RewardProcess, repeat: int = 1, scale: SignScale | None = None
    ) -> None:
        super().__init__(venv)
        self._transitions = venv
        self._process = process
        self._repeat = repeat
        self.scale = scale
        self._starts = np.ones(venv.num_envs, dtype=bool)
        self._actions = np.zeros((venv.num_envs, 1))
        # The reward reads a discrete action as a one-hot vector.
        self._vectors = np.eye(venv.action_space.n) if isinstance(venv.action_space, Discrete) else None
        self._length = np.zeros(venv.num_envs, dtype=int)
        self._first: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None = None
        """States, next states, actions and terms of the first step of all environments."""
        self.window = TermWindow(process.terms)
        self.steps = 0
        """Environment steps taken so far, by all environments together."""

    def reset(self) -> Any:
        """Reset all environments; every ``memory`` starts empty."""
        self._starts[:] = True
        self._length[:] = 0
        if self.scale is not None:
            self.scale.forget()
        return self.venv.reset()

    def step_async(self, actions: FloatArray) -> None:
        """Remember the actions, because the reward reads them too.

        :raises RewardSynthError: they are not finite. The simulator's response would look like the reward's fault.
        """
        vectors = actions if self._vectors is None else self._vectors[actions]
        self._actions = np.asarray(vectors, dtype=np.float64)
        if not np.isfinite(self._actions).all():
            raise RewardSynthError("the policy's actions are not finite", "keep the reward's terms within a few units")
        self.venv.step_async(actions)

    def step_wait(self) -> Any:
        """Step all environments and pay the reward.

        :raises RewardError: the reward fails on a transition.
        """
        frozen, some_wait = self._transitions.frozen, False
        frozen[:] = False
        rewards = np.zeros(self.num_envs)
        infos: list[dict[str, Any]] = []
        for _ in range(self._repeat):
            observations, _, dones, told = self.venv.step_wait()
            infos = infos or told
            if some_wait:
                self._pay_unfrozen(rewards, ~frozen)
            else:
                batch = self._evaluate(self._transitions.states, self._transitions.next_states, self._actions)
                paid = batch.rewards if self.scale is None else self.scale.pay(batch.terms)
                self.window.add(batch.terms, paid)
                rewards += paid
                self._length += 1
                self.steps += self.num_envs
                self._starts[:] = False
            if dones.any():
                self.window.add_episodes(self._length[dones].tolist())
                if self.scale is not None:
                    self.scale.end(dones)
                self._length[dones] = 0
                self._starts[dones] = True
                frozen |= dones
                some_wait = True
                infos = [new if done else old for new, done, old in zip(told, dones, infos, strict=True)]
                if frozen.all():
                    break
        return observations, rewards.astype(np.float32), frozen.copy(), infos

    def _pay_unfrozen(self, rewards: FloatArray, stepped: Mask) -> None:
        """Add the step's rewards where an environment was stepped; ``rewards`` and ``stepped`` are (environments,)."""
        assert self._first is not None
        # The process computes the reward of all environments at once. Those that wait get their first transition again,
        # with an empty memory: this cannot fail, and their next step empties the memory again.
        rows = (self._transitions.states, self._transitions.next_states, self._actions)
        mixed = [np.where(stepped[:, None], row, known) for row, known in zip(rows, self._first[:3], strict=True)]
        batch = self._evaluate(*mixed)
        paid = batch.rewards if self.scale is None else self.scale.pay(batch.terms, stepped)
        self.window.add(batch.terms[stepped], paid[stepped])
        rewards[stepped] += paid[stepped]
        self._length[stepped] += 1
        self.steps += int(stepped.sum())
        self._starts[stepped] = False

    def _evaluate(self, states: FloatArray, next_states: FloatArray, actions: FloatArray) -> RewardBatch:
        try:
            batch = self._process.evaluate(states, actions, next_states, self._starts)
        except RewardError as error:
            raise self._located(error) from error
        if self._first is None:
            self._first = (states.copy(), next_states.copy(), actions.copy(), batch.terms.copy())
        return batch

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
        states, next_states, actions, terms = self._first
        again = self._process.evaluate(states, actions, next_states, np.ones(len(states), dtype=bool)).terms
        differing = np.flatnonzero(~np.isclose(again, terms, rtol=1e-9, atol=1e-12).all(axis=0))
        if len(differing):
            name = self._process.terms[differing[0]]
            message = f"term `{name}` differs when the training's first transitions are run again at its end"
            raise RewardError(PROBE["impure"].finding(message))
