"""A broken environment in words: what it did, where in its code, and that no reward is to blame."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import numpy as np

from reward_synth.core.errors import EnvironmentFault
from reward_synth.state import view

BLAME = "the environment is at fault, not a reward"
"""Stands in every such message: in a result's reason it says that no other reward would do better."""

_NOT_ITS_OWN = ("gymnasium", "numpy", "mujoco", "reward_synth")
"""Packages that an error passes through; the line to look at is the last one outside of them."""


def name_of(env: Any) -> str:
    """What to call an environment: its id, or its class."""
    spec = getattr(env, "spec", None)
    return str(spec.id) if spec is not None else type(env.unwrapped).__name__


def fault(env: Any, when: str, error: BaseException) -> EnvironmentFault:
    """What an environment raised, as the error that the person is shown.

    :param when: ``in a step``, ``in a reset``.
    """
    if isinstance(error, EnvironmentFault):
        return error
    text = " ".join(str(error).split())[:300]
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _place(error)
    return EnvironmentFault(
        f"the environment {name_of(env)} failed {when}: {said}{place} ({BLAME})", advice(env, bool(place))
    )


def not_finite(env: Any, what: str, when: str) -> EnvironmentFault:
    """An environment gave NaN or infinity.

    :param what: ``the observation``, ``the field `ball_speed```.
    """
    return EnvironmentFault(
        f"the environment {name_of(env)} gave a number that is not finite {when}: {what} ({BLAME})",
        "look for a division by zero, a root of a negative number or an unstable simulation in it",
    )


def advice(env: Any, place_known: bool = False) -> str:
    """What to do about a broken environment."""
    module = type(env.unwrapped).__module__
    where = "at that line" if place_known else f"in {module}"
    return f"mend the environment {where}; gymnasium.utils.env_checker.check_env(env) finds more"


def first_not_finite(layout: view.Layout, rows: Any) -> str | None:
    """The first field of the rows (n, width) that holds NaN or infinity, in words; None if there is none."""
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=0))
    if not len(bad):
        return None
    for name, columns in view.columns(layout).items():
        if columns.start <= bad[0] < columns.stop:
            return f"the field `{name}`"
    return None


def _place(error: BaseException) -> str:
    """File and line where the environment's own code failed; the file's name alone, as results are passed on."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not any(package in path.parts for package in _NOT_ITS_OWN) and path.suffix == ".py":
            return f", {path.name} line {frame.lineno}"
    return ""


def fault_of_module(module: str, error: BaseException) -> EnvironmentFault:
    """What the import of an environment's module raised."""
    text = " ".join(str(error).split())[:300]
    return EnvironmentFault(
        f"{module} cannot be imported: {type(error).__name__}: {text}{_place(error)} ({BLAME})", f"mend {module}"
    )


def fault_in_making(env_id: str, error: BaseException) -> EnvironmentFault:
    """What an environment raised while it was made."""
    text = " ".join(str(error).split())[:300]
    return EnvironmentFault(
        f"the environment {env_id} cannot be made: {type(error).__name__}: {text}{_place(error)} ({BLAME})",
        "mend the environment's __init__",
    )
