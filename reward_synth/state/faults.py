"""Errors of a broken environment in words: what failed, where in its code, and that no reward is to blame."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from reward_synth.core.errors import EnvironmentFault

BLAME = "the environment is at fault, not a reward"
"""Part of every such message. In a result's reason it says that no other reward would do better."""

NEEDS = "; if it is somebody else's, see what it asks for: a display, a program, data, an environment variable"
"""End of a hint: packages fail so that are not broken."""

_NOT_ITS_OWN = ("gymnasium", "numpy", "mujoco", "reward_synth")
"""Packages that an error passes through. The last line outside of them is the one to look at."""


def name_of(env: Any) -> str:
    """The environment's id, or else the name of its class."""
    spec = getattr(env, "spec", None)
    return str(spec.id) if spec is not None else type(env.unwrapped).__name__


def fault(env: Any, when: str, error: BaseException) -> EnvironmentFault:
    """What an environment raised, as the error that the user sees.

    :param when: for example ``in a step``.
    """
    if isinstance(error, EnvironmentFault):
        return error
    where = "at that line" if _place(error) else f"in {type(env.unwrapped).__module__}"
    return EnvironmentFault(
        f"the environment {name_of(env)} failed {when}: {_said(error)} ({BLAME})",
        f"mend the environment {where}; gymnasium.utils.env_checker.check_env(env) finds more",
    )


def fault_of_module(module: str, error: BaseException) -> EnvironmentFault:
    """What the import of an environment's module raised."""
    return EnvironmentFault(f"{module} cannot be imported: {_said(error)} ({BLAME})", f"mend {module}{NEEDS}")


def fault_in_making(env_id: str, error: BaseException) -> EnvironmentFault:
    """What an environment raised while it was made."""
    text = f"the environment {env_id} cannot be made: {_said(error)} ({BLAME})"
    return EnvironmentFault(text, f"mend the environment's __init__{NEEDS}")


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}{text and ': '}{text}{_place(error)}"


def _place(error: BaseException) -> str:
    """File and line where the environment's own code failed. The folder is left out, since results are passed on."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not any(package in path.parts for package in _NOT_ITS_OWN) and path.suffix == ".py":
            return f", {path.name} line {frame.lineno}"
    return ""
