"""Simulator adapters and their field tables."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reward_synth.simulators.base import Simulator

__all__ = ["get_simulator", "simulator_names"]


def simulator_names() -> tuple[str, ...]:
    """Names that :func:`get_simulator` accepts."""
    return ("gym",)


def get_simulator(name: str) -> Simulator:
    """The adapter of that name; RewardSynthError for an unknown one."""
    from reward_synth.errors import RewardSynthError

    if name == "gym":
        # glfw, which Gymnasium's MuJoCo part imports, tries its library by `python -c`: that would run a struct.py that
        # lies in the working folder, with every key in its environment.
        os.environ.setdefault("PYTHONSAFEPATH", "1")
        from reward_synth.simulators.gym_mujoco import GymMujoco

        return GymMujoco()
    close = difflib.get_close_matches(name, simulator_names(), n=1, cutoff=0.3)
    hint = f"did you mean {close[0]}?" if close else f"there is: {', '.join(simulator_names())}"
    raise RewardSynthError(f"unknown simulator {name!r}", hint)
