"""Transitions of no particular robot, for hosts that need some."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from containment_arms.corpus import ACTION_SIZE, LAYOUT
from reward_synth.screening.probe import Transitions
from reward_synth.state.view import columns as columns_of
from reward_synth.state.view import width

EPISODES, STEPS = 3, 8


def some_transitions() -> Transitions:
    """Three short episodes, the first with zero actions."""
    generator = np.random.default_rng(0)
    columns = width(LAYOUT)
    histories = np.cumsum(generator.normal(scale=0.2, size=(EPISODES, STEPS + 1, columns)), axis=1)
    # Of a hopper, these are the height and the angle of the torso.
    obs = columns_of(LAYOUT)["obs"].start
    histories[..., obs] = 0.8 + 0.5 * np.tanh(histories[..., obs])
    histories[..., obs + 1] *= 0.2
    actions = generator.uniform(-1.0, 1.0, (EPISODES, STEPS, ACTION_SIZE))
    actions[0] = 0.0
    starts = np.zeros((EPISODES, STEPS), dtype=bool)
    starts[:, 0] = True
    return Transitions(
        states=histories[:, :-1].reshape(-1, columns),
        actions=actions.reshape(-1, ACTION_SIZE),
        next_states=histories[:, 1:].reshape(-1, columns),
        starts=starts.reshape(-1),
    )


def ranges() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high of every column."""
    columns = width(LAYOUT)
    return np.full(columns, -5.0), np.full(columns, 5.0)
