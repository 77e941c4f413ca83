"""Puts an environment back into an earlier state, so that many futures of one state can be tried.

What is put back is MuJoCo's whole state, if there is one, and the plain attributes of the environment and its wrappers:
numbers, texts, arrays and random generators. Where there is no MuJoCo, and the environment can be pickled, it is put
back as a whole. It may hold more than that. So whoever uses a snapshot must see that the environment repeats itself
after it, and otherwise reset it with the same seed and act again.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np

UNPICKLED = (pickle.PicklingError, TypeError, AttributeError, NotImplementedError, RecursionError)
"""What pickle raises for objects that it cannot copy, such as a simulator of its own memory."""
LARGEST = 1 << 22
"""Bytes of an environment, such as one with a table of prices, beyond which a copy takes longer than to play again."""
Restore = Callable[[], None]
"""Puts back the state that was there when it was made. It may be called any number of times."""


def holds_model(base: Any) -> bool:
    """True if an unwrapped environment holds a compiled MuJoCo model and its state."""
    # If MuJoCo is not loaded, no environment can hold a model.
    mujoco = sys.modules.get("mujoco")
    if mujoco is None:
        return False
    model, data = getattr(base, "model", None), getattr(base, "data", None)
    return isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData)


def snapshot(env: gymnasium.Env[Any, Any]) -> Restore:
    """What puts the environment, with all its wrappers, back into its present state."""
    layers: list[Any] = [env]
    while isinstance(layers[-1], gymnasium.Wrapper):
        layers.append(layers[-1].env)
    base = layers.pop()
    kept = [_attributes(layer) for layer in layers]
    if holds_model(base):
        kept += [_attributes(base), _physics(base.model, base.data)]
    else:
        kept.append(_whole(base) or _attributes(base))

    def restore() -> None:
        for each in kept:
            each()

    return restore


def _physics(model: Any, data: Any) -> Restore:
    import mujoco

    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    state = np.zeros(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(model, data, state, kind)

    def restore() -> None:
        mujoco.mj_setState(model, data, state, kind)
        # Positions and velocities of bodies follow. What a full forward pass would change is a part of the state.
        mujoco.mj_step1(model, data)

    return restore


def _whole(base: Any) -> Restore | None:
    """All that an environment holds, as copies of its own; None if it is too large or cannot be pickled."""
    names = vars(base)
    try:
        # Functions and Gymnasium's `spec` never change, and may be made of what nobody can import.
        held = {name: value for name, value in names.items() if name != "spec" and not callable(value)}
        pickled = pickle.dumps(held, pickle.HIGHEST_PROTOCOL)
    except UNPICKLED:
        return None
    return (lambda: names.update(pickle.loads(pickled))) if len(pickled) <= LARGEST else None


def _attributes(layer: Any) -> Restore:
    names = vars(layer)
    plain = {name: (value, deepcopy(value)) for name, value in names.items() if _is_plain(value)}

    def restore() -> None:
        for name, (value, copy) in plain.items():
            if isinstance(value, np.ndarray) and names.get(name) is value:
                # It was written to in place, and others may hold the same array.
                if value.flags.writeable:
                    value[...] = copy
            else:
                names[name] = deepcopy(copy)

    return restore


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    if isinstance(value, tuple | list):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, bool | int | float | str | np.generic | np.random.Generator)
