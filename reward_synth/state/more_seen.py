"""What a policy is shown besides its environment's own observation: the time, the start, and fields that it leaves out.

An observation tells what is now. A goal often speaks of more: "farther than at the beginning", "turn once and then
stand still", "without leaving its place". A policy that decides by the present observation alone cannot do that,
whatever its reward pays for. A task names what to add (``environment.observes``): ``clock`` is the share of the episode
that is over, ``start.FIELD`` a field as it was at the start of the episode, and ``FIELD`` the field itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import CLOCK, START
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.state.expressions import reads_info
from reward_synth.state.faults import fault
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable


class MoreSeen:
    """The numbers that are added to each observation, in the order in which the task names them.

    :param names: ``clock``, ``start.FIELD`` and ``FIELD``.
    :param table: fields of the environment; those that only judges may read are not shown to a policy either.
    :param horizon: steps of a full episode.
    :raises RewardSynthError: there is no such field.
    """

    def __init__(self, names: Sequence[str], table: FieldTable, horizon: int) -> None:
        known = [field.name for field in table.for_rewards() if not reads_info(field.code)]
        read = [name.removeprefix(START) for name in names if name != CLOCK]
        for name in read:
            if name not in known:
                raise RewardSynthError(
                    f"a policy cannot be shown `{name}`: the environment has no such field",
                    did_you_mean(nearest(name, known), f"name `{CLOCK}`, a field, or `{START}` and a field"),
                )
        self.table = table.subset(read)
        """The fields that have to be read for it."""
        self.changes = any(name != CLOCK and not name.startswith(START) for name in names)
        """True if fields are read at every step, and not at the start alone."""
        self._horizon = horizon
        columns = self.table.columns()
        self._parts = [(name.startswith(START), columns.get(name.removeprefix(START))) for name in names]

    @property
    def size(self) -> int:
        """How many numbers are added."""
        return sum(1 if columns is None else columns.stop - columns.start for _, columns in self._parts)

    def at(self, step: int, row: FloatArray, first: FloatArray) -> FloatArray:
        """The numbers at a step, shape (size,).

        :param step: steps since the start.
        :param row: the present row of :attr:`table`.
        :param first: its row at the start of the episode.
        """
        parts = [
            (step / self._horizon,) if columns is None else (first if at_start else row)[columns]
            for at_start, columns in self._parts
        ]
        return np.concatenate(parts)

    def during(self, rows: FloatArray) -> FloatArray:
        """The numbers of a whole episode, shape (T+1, size), from its rows of :attr:`table`."""
        return np.stack([self.at(step, row, rows[0]) for step, row in enumerate(rows)])


class ObservingRecorder(StateRecorder):
    """A recorder whose observations have the numbers of ``more`` behind the environment's own."""

    def __init__(self, env: gymnasium.Env[Any, Any], table: FieldTable, more: MoreSeen) -> None:
        self._more = more
        self._step, self._first = 0, np.zeros(more.table.width())
        super().__init__(env, table)
        space: Any = env.observation_space
        beyond = np.full(more.size, np.inf)
        low, high = (np.concatenate(each).astype(space.dtype) for each in ((space.low, -beyond), (space.high, beyond)))
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=space.dtype)

    def _bind(self) -> None:
        super()._bind()
        self._read_more = self._more.table.reader(self.env)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As :meth:`StateRecorder.reset`."""
        observation, info = super().reset(seed=seed, options=options)
        self._step, self._first = 0, self._beside(observation, "in a reset")
        return self._with_more(observation, self._first), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """As :meth:`StateRecorder.step`."""
        observation, reward, terminated, truncated, info = super().step(action)
        self._step += 1
        row = self._beside(observation, "in a step") if self._more.changes else self._first
        return self._with_more(observation, row), reward, terminated, truncated, info

    def _beside(self, observation: Any, when: str) -> FloatArray:
        try:
            return self._read_more(observation)
        except Exception as error:
            raise fault(self.env, when, error) from error

    def _with_more(self, observation: Any, row: FloatArray) -> Any:
        added = self._more.at(self._step, row, self._first)
        return np.concatenate([observation, added]).astype(observation.dtype, copy=False)
