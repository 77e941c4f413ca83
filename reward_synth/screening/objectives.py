"""What the planner maximises: what a reward pays, or the task's own fitness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.names import ScaleName
from reward_synth.reward.scale import totals
from reward_synth.sandbox.process import RewardProcess, ScoringProcess
from reward_synth.state.recorder import StateRecorder


@dataclass(frozen=True, eq=False)
class Trials:
    """Sequences of actions that were tried from one state; each is padded behind its length."""

    rows: FloatArray
    """(N, H + 1, W)."""
    actions: FloatArray
    """(N, H, A), as the environment took them."""
    lengths: NDArray[np.intp]
    ended: NDArray[np.bool_]
    """True where the environment ended the episode."""


class Before:
    """What was played in an episode before the present state. A reward with memory and a measure must be told of it."""

    def __init__(self, environment: StateRecorder) -> None:
        self.rows = environment.row[None, None]
        """(1, T + 1, W)."""
        self.actions = np.zeros((1, 0, len(environment.table.actions)))
        """(1, T, A)."""

    def add(self, done: Trials) -> None:
        """Append what was played on: the first of the trials."""
        count = int(done.lengths[0])
        self.rows = np.concatenate([self.rows, done.rows[:1, 1 : count + 1]], axis=1)
        self.actions = np.concatenate([self.actions, done.actions[:1, :count]], axis=1)


class Objective(Protocol):
    """What is maximised. It is asked in a locked process."""

    @property
    def cpu_seconds(self) -> float:
        """Processor time of that process so far."""

    def values(self, trials: Trials, before: Before) -> FloatArray:
        """What each trial is worth, (N,)."""

    def paid(self, done: Trials, before: Before) -> float:
        """What the first trial was paid in sum, to compare it with a replay; 0 if nothing pays."""


@dataclass(frozen=True)
class Pay:
    """The discounted sum of a reward."""

    process: RewardProcess
    uses_memory: bool
    discount: float
    """The learner's, per step."""
    scale: ScaleName

    @property
    def cpu_seconds(self) -> float:
        """See :class:`Objective`."""
        return self.process.cpu_seconds

    def values(self, trials: Trials, before: Before) -> FloatArray:
        """See :class:`Objective`."""
        rewards = self._rewards(trials, before)
        discounted: FloatArray = rewards @ self.discount ** np.arange(rewards.shape[1])
        return discounted

    def paid(self, done: Trials, before: Before) -> float:
        """See :class:`Objective`."""
        return float(self._rewards(done, before)[0].sum())

    def _rewards(self, trials: Trials, before: Before) -> FloatArray:
        """The reward of each step, (N, H); 0 behind a trial's end. One call computes all of them.

        A reward with memory is told first, step by step, what was played before.
        """
        number, horizon = trials.actions.shape[:2]
        rewards = np.zeros((number, horizon))
        inside = np.arange(horizon) < trials.lengths[:, None]
        if not self.uses_memory:
            rewards[inside] = self._evaluated(
                trials.rows[:, :-1][inside], trials.actions[inside], trials.rows[:, 1:][inside], False
            )
            return rewards
        past = before.actions.shape[1]
        for step in range(-past, horizon):
            here, at = (before, past + step) if step < 0 else (trials, step)
            parts = here.rows[:, at], here.actions[:, at], here.rows[:, at + 1]
            states, actions, next_states = (np.broadcast_to(each, (number, each.shape[1])) for each in parts)
            paid = self._evaluated(states, actions, next_states, step == -past)
            if step >= 0:
                rewards[:, step] = paid * inside[:, step]
        return rewards

    def _evaluated(self, states: FloatArray, actions: FloatArray, next_states: FloatArray, first: bool) -> FloatArray:
        terms = self.process.evaluate(states, actions, next_states, np.full(len(states), first)).terms
        return totals(terms, self.process.terms, self.scale)


@dataclass(frozen=True)
class Fitness:
    """The task's fitness of the whole episode so far."""

    process: ScoringProcess
    dt: float
    horizon: int

    @property
    def cpu_seconds(self) -> float:
        """See :class:`Objective`."""
        return self.process.cpu_seconds

    def values(self, trials: Trials, before: Before) -> FloatArray:
        """See :class:`Objective`."""
        found = []
        for rows, actions, length, ended in zip(trials.rows, trials.actions, trials.lengths, trials.ended, strict=True):
            whole = np.concatenate([before.rows[0], rows[1 : length + 1]])
            acted = np.concatenate([before.actions[0], actions[:length]])
            found.append(self.process.score(whole, acted, self.dt, self.horizon, bool(ended)).fitness)
        return np.array(found)

    def paid(self, done: Trials, before: Before) -> float:
        """See :class:`Objective`."""
        return 0.0


@dataclass(frozen=True)
class Told:
    """The discounted sum of one column of the rows: a reward that the environment itself gives."""

    column: int
    discount: float
    """The learner's, per step."""
    cpu_seconds: float = 0.0
    """The environment computes it, so no process of its own does."""

    def values(self, trials: Trials, before: Before) -> FloatArray:
        """See :class:`Objective`."""
        rewards = self._rewards(trials)
        discounted: FloatArray = rewards @ self.discount ** np.arange(rewards.shape[1])
        return discounted

    def paid(self, done: Trials, before: Before) -> float:
        """See :class:`Objective`."""
        return float(self._rewards(done)[0].sum())

    def _rewards(self, trials: Trials) -> FloatArray:
        rewards: FloatArray = trials.rows[:, 1:, self.column]
        return np.where(np.arange(rewards.shape[1]) < trials.lengths[:, None], rewards, 0.0)
