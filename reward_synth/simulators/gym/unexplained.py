"""Which elements of an observation the fields of the MuJoCo model do not give, such as a goal."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.snapshots import snapshot
from reward_synth.state.fields import Field
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable

RESETS, STEPS = 3, 4
"""Episodes, and steps of each, in which observation and fields are held side by side."""
SAME = 1e-4
"""An element is given by a field if it never differs from it, or from a line through it, by more than this share of
its own spread: observations are often of single precision, and scaled."""


def unexplained(env: gymnasium.Env[Any, Any], fields: list[Field]) -> list[int]:
    """The elements of the observation that no element of a field gives, as it is or scaled and shifted.

    The environment is reset and stepped, and put back.

    :param env: its observation is one vector.
    :param fields: those of its MuJoCo model.
    :raises EnvironmentFault: it fails.
    """
    restore = snapshot(env)
    try:
        observed, known = _side_by_side(StateRecorder(env, FieldTable(fields, [])))
    finally:
        restore()
    return [place for place in range(observed.shape[1]) if not _given(observed[:, place], known)]


def _side_by_side(env: StateRecorder) -> tuple[FloatArray, FloatArray]:
    """Observations (states, elements), and the fields' columns (states, columns), of the same states."""
    observed, known = [], []
    env.action_space.seed(0)
    for seed in range(RESETS):
        observation, told = env.reset(seed=seed)
        for step in range(STEPS + 1):
            observed.append(np.array(observation, dtype=np.float64))
            known.append(told["next_state"].copy())
            if step < STEPS:
                observation, *_, told = env.step(env.action_space.sample())
    return np.stack(observed), np.stack(known)


def _given(element: FloatArray, known: FloatArray) -> bool:
    """True if a column equals the element, or varies and lies on a line with it."""
    spread = np.ptp(element)
    if (np.abs(known - element[:, None]).max(axis=0) <= SAME * max(spread, 1e-3)).any():
        return True
    if spread == 0.0:
        return False
    centred = known - known.mean(axis=0)
    size = (centred**2).sum(axis=0)
    slope = np.divide(centred.T @ element, size, out=np.zeros_like(size), where=size > 0)
    left = element - element.mean() - (centred * slope).T
    return bool((np.abs(left).max(axis=1) <= SAME * spread).any())
