"""Which observation and action spaces a policy can be trained on, and how other observations are converted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TransformObservation

from reward_synth.core.errors import RewardSynthError
from reward_synth.state.faults import name_of

MOST_NUMBERS = 2048
"""An observation with more numbers is a picture, which neither a reward nor these networks can read."""

MOST_CHOICES = 256
"""A choice among more actions takes longer to explore than a training lasts."""


KINDS = (spaces.Box, spaces.Discrete, spaces.MultiBinary, spaces.MultiDiscrete)
"""Kinds of spaces whose values are numbers. A choice among n is n switches, of which one is 1."""


class VectorObservation(TransformObservation):
    """Lays out the observations of the environment that it wraps as one vector."""


def as_named(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """The environment before its observations were laid out as a vector: as the person named it."""
    layer: Any = env
    while isinstance(layer, gymnasium.Wrapper):
        if isinstance(layer, VectorObservation):
            return layer.env
        layer = layer.env
    return env


def flatten(space: Any, observation: Any) -> Any:
    """An observation of the space as a flat array.

    The parts of a ``Dict`` keep the order of its space, as in Gymnasium's ``flatten``. An array of several dimensions
    is laid out row by row.
    """
    if isinstance(space, spaces.Box):
        return np.asarray(observation).reshape(-1)
    return spaces.flatten(space, observation)


def as_vector(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """The environment, wrapped if necessary so that its observation is one vector of floats.

    :raises RewardSynthError: its observations or actions are of a kind that cannot be trained on.
    """
    require_supported(env)
    space = env.observation_space
    if isinstance(space, spaces.Box) and len(space.shape) == 1 and space.dtype in (np.float32, np.float64):
        return env
    flat: Any = spaces.flatten_space(space)
    kind = np.float64 if any(part.dtype == np.float64 for _, part in parts(space)) else np.float32
    box = spaces.Box(flat.low.astype(kind), flat.high.astype(kind), dtype=kind)
    return VectorObservation(env, lambda observed: flatten(space, observed).astype(kind, copy=False), box)


def require_supported(env: gymnasium.Env[Any, Any]) -> None:
    """Refuse spaces that cannot be trained on, with what to do instead.

    :raises RewardSynthError: a space cannot be trained on.
    """
    observation = env.observation_space
    _require_actions(env)
    for path, part in parts(observation):
        if not isinstance(part, KINDS):
            where = f" in {'.'.join(path)}" if path else ""
            kept = [str(key) for key, each in getattr(observation, "spaces", {}).items() if isinstance(each, KINDS)]
            raise RewardSynthError(
                f"{name_of(env)} observes {part}{where}, which holds no numbers",
                f"wrap it so that this part is left out: gymnasium.wrappers.FilterObservation(env, {kept})"
                if kept
                else "wrap it so that it gives a vector of numbers: gymnasium.wrappers.TransformObservation",
            )
    numbers = spaces.flatdim(observation)
    if not 0 < numbers <= MOST_NUMBERS:
        raise RewardSynthError(
            f"{name_of(env)} observes {numbers:,} numbers at once; {MOST_NUMBERS:,} is the most",
            "wrap it so that it gives what a reward shall read, and not a picture of it",
        )


def _require_actions(env: gymnasium.Env[Any, Any]) -> None:
    action = env.action_space
    if isinstance(action, spaces.Discrete):
        if action.start == 0 and 2 <= action.n <= MOST_CHOICES:
            return
        has = f"chooses among {action}; 2 to {MOST_CHOICES} actions are supported, counted from 0"
        hint = _wrap_actions(f"int(n) + {action.start}", int(action.n))
    elif isinstance(action, spaces.MultiDiscrete | spaces.MultiBinary):
        has = f"has actions of the kind {action}; only a Box of continuous actions or one Discrete choice is supported"
        sizes = action.nvec if isinstance(action, spaces.MultiDiscrete) else np.full(action.shape, 2)
        hint = _wrap_actions(f"np.array(np.unravel_index(int(n), {tuple(sizes.ravel().tolist())}))", int(sizes.prod()))
    elif not isinstance(action, spaces.Box):
        has = f"has actions of the kind {action}; only a Box of continuous actions or one Discrete choice is supported"
        hint = "wrap it so that it takes one of both: gymnasium.wrappers.TransformAction"
    elif len(action.shape) != 1 or not np.issubdtype(action.dtype, np.floating):
        has = f"has actions of shape {action.shape} and type {action.dtype}"
        hint = "wrap it so that its action space is a one-dimensional Box of floats"
    elif np.isfinite(action.low).all() and np.isfinite(action.high).all() and (action.low < action.high).all():
        return
    else:
        has = f"has actions without limits, or whose lower limit is not below the upper: {action}"
        bounded = f"gymnasium.spaces.Box(-1.0, 1.0, {action.shape})"
        hint = (
            "give its action space a finite low and high per element, or wrap it, in a file of your own: "
            f"gymnasium.wrappers.TransformAction(env, lambda action: LARGEST * action, {bounded})"
        )
    raise RewardSynthError(f"{name_of(env)} {has}", hint)


def _wrap_actions(made: str, count: int) -> str:
    """The line to write for an environment that can be trained on as a choice among ``count``."""
    if count > MOST_CHOICES:
        return f"wrap it so that it chooses among {MOST_CHOICES} actions at most: gymnasium.wrappers.TransformAction"
    space = f"gymnasium.spaces.Discrete({count})"
    return f"wrap it, in a file of your own: gymnasium.wrappers.TransformAction(env, lambda n: {made}, {space})"


def parts(space: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The leaves of a space, each with the keys that lead to it, in the order of the flat vector."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in inner:
            for path, leaf in parts(part):
                yield (str(key), *path), leaf
    else:
        yield (), space
