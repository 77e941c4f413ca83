"""Records the state at every step, for training, evaluation and the probe."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from reward_synth.core.errors import EnvironmentFault
from reward_synth.state.expressions import reads_info
from reward_synth.state.faults import BLAME, fault, name_of
from reward_synth.state.row_reader import StateReplaced, same_layout
from reward_synth.state.table import FieldTable


class StateRecorder(gymnasium.Wrapper):
    """Reads the row of ``table`` once per step and passes it on in ``info``.

    ``info["state"]`` is the row before the step, ``info["next_state"]`` the row after it. At the end of an episode the
    latter is the terminal state, because automatic resets happen outside of this wrapper. A reset's info holds
    ``next_state`` only. Rows are shared, not copied, and therefore read-only.

    The native reward is replaced by 0.0. The native info holds parts of that reward, so it is dropped, but for the
    fields that read it.

    A discrete action may be given as a vector, the form that rewards see: the largest element is chosen.
    Whatever the environment raises becomes an :class:`~reward_synth.core.errors.EnvironmentFault`. No reward runs in
    here, so no reward can be blamed for it.

    :param env: environment to record; put this directly around the simulator's environment.
    :param table: the fields to read. Make it small with ``subset``, since every field costs time at every step.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], table: FieldTable) -> None:
        super().__init__(env)
        self.table = table
        self._told: dict[str, Any] | None = {} if any(reads_info(field.code) for field in table) else None
        self._chooses = isinstance(env.action_space, gymnasium.spaces.Discrete)
        try:
            self._bind()
            self._row = self._read()
        except Exception as error:
            raise fault(env, "before its first reset", error) from error

    def _bind(self) -> None:
        self._read = self.table.reader(self.env)
        self._model = getattr(self.env.unwrapped, "model", None)

    @property
    def row(self) -> Any:
        """The present state's row, read-only."""
        return self._row

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; the info holds ``next_state``, its first row."""
        try:
            observation, told = self.env.reset(seed=seed, options=options)
            self._row = self._take(observation, told, None if self._told is None else {})
        except Exception as error:
            raise fault(self.env, "in a reset", error) from error
        return observation, {"next_state": self._row}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step; the reward is always 0.0, the info holds the rows ``state`` and ``next_state``."""
        if self._chooses:
            action = int(np.argmax(action)) if np.ndim(action) else int(action)
        try:
            observation, _, terminated, truncated, told = self.env.step(action)
            before, self._row = self._row, self._take(observation, told, self._told)
        except Exception as error:
            raise fault(self.env, "in a step", error) from error
        # Comparisons of numpy's numbers give numpy's truth values, which other processes cannot read.
        return observation, 0.0, bool(terminated), bool(truncated), {"state": before, "next_state": self._row}

    def _take(self, observation: Any, told: dict[str, Any], earlier: dict[str, Any] | None) -> Any:
        seen: tuple[Any, ...] = (observation,)
        if earlier is not None:
            self._told = {**earlier, **told}
            seen = (observation, self._told)
        try:
            row = self._read(*seen)
        except StateReplaced:
            row = self._read_anew(*seen)
        row.flags.writeable = False
        return row

    def _read_anew(self, *seen: Any) -> Any:
        """The row of an environment that has compiled its model anew, as people do who draw masses at random."""
        before = self._model
        self._bind()
        if not same_layout(before, self._model):
            raise EnvironmentFault(
                f"the environment {name_of(self.env)} has another model than at first, with other parts ({BLAME})",
                "keep one MjModel, and change its numbers: model.body_mass, then mujoco.mj_setConst",
            )
        return self._read(*seen)


def other_shape(environment: Any, observation: Any, when: str) -> EnvironmentFault:
    """The fault of an observation whose shape is not that of the environment's ``observation_space``."""
    return EnvironmentFault(
        f"the environment {name_of(environment)} gave an observation of shape {np.shape(observation)} after {when}, "
        f"and its observation_space says {environment.observation_space.shape} ({BLAME})",
        "make reset and step return what observation_space says",
    )


def require_finite(environment: StateRecorder, observations: Any, rows: Any) -> None:
    """Check the numbers that recorded environments of one kind returned.

    :param environment: one of these environments.
    :param observations: any shape.
    :param rows: their states, shape (n, width).
    :raises EnvironmentFault: a number is not finite. The message names the field, if the number belongs to one.
    """
    if np.isfinite(rows).all() and np.isfinite(observations).all():
        return
    finite = np.isfinite(rows).all(axis=0)
    bad = (name for name, columns in environment.table.columns().items() if not finite[columns].all())
    what = next((f"the field `{name}`" for name in bad), "the observation")
    raise EnvironmentFault(
        f"the environment {name_of(environment)} gave a number that is not finite in a step: {what} ({BLAME})",
        "look for a division by zero, a root of a negative number or an unstable simulation in it",
    )
