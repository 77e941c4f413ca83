"""How long one step of an environment lasts: measured where it is simulated by MuJoCo, else what the environment says.

What environments say is often about something else: ``dt`` about one step of the physics, ``render_fps`` about films.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from reward_synth.state.faults import fault

DEFAULT = 0.05
"""Seconds of a step of an environment that says nothing."""
APART = 0.02
"""Two lengths differ if one is longer than the other by this share."""
_RATES = ("control_hz", "control_freq")
_LENGTHS = ("control_timestep", "dt", "tau")


class StepLength(NamedTuple):
    """The seconds that a step lasts, and how they are known."""

    seconds: float
    source: str

    def __str__(self) -> str:
        return f"{self.seconds:.4g} s ({self.source})"


def step_lengths(env: gymnasium.Env[Any, Any], measured: bool) -> list[StepLength]:
    """All that is known of it, most trustworthy first; at least one.

    :param measured: True for an environment on MuJoCo. It is reset and stepped once.
    :raises EnvironmentFault: it fails in that.
    """
    base: Any = env.unwrapped
    found = [*(_measured(env) if measured else ()), *_declared(base)]
    if measured and not found:  # It says nothing, and time does not advance in a step.
        seconds = float(base.model.opt.timestep) * int(getattr(base, "frame_skip", 1))
        found.append(StepLength(seconds, "the model's time step times `frame_skip`"))
    return found or [StepLength(DEFAULT, "nothing says how long it is")]


def doubt_about(lengths: list[StepLength]) -> str:
    """What a person should know about a step's length; empty if all that is known agrees."""
    taken, *others = lengths
    if taken.seconds == DEFAULT and taken.source.startswith("nothing"):
        return f"one step is taken to last {taken}"
    apart = [each for each in others if abs(each.seconds - taken.seconds) > APART * taken.seconds]
    told = " and ".join(map(str, apart))
    return f"one step is taken to last {taken}, and not {told}" if apart else ""


def _measured(env: gymnasium.Env[Any, Any]) -> Iterator[StepLength]:
    base: Any = env.unwrapped
    try:
        env.reset(seed=0)
        before = float(base.data.time)
        env.action_space.seed(0)
        env.step(env.action_space.sample())
    except Exception as error:
        raise fault(env, "in its first step", error) from error
    steps = round((float(base.data.time) - before) / float(base.model.opt.timestep))
    if steps > 0:
        yield StepLength(float(base.model.opt.timestep) * steps, "measured: simulated time")


def _declared(base: Any) -> Iterator[StepLength]:
    for name in (*_RATES, *_LENGTHS):
        if value := _positive(getattr(base, name, None)):
            yield StepLength(1.0 / value if name in _RATES else value, f"its `{name}`")
    if frames := _positive((getattr(base, "metadata", None) or {}).get("render_fps")):
        yield StepLength(1.0 / frames, '`metadata["render_fps"]`')


def _positive(value: Any) -> float:
    """The number; 0 for what is no positive number."""
    return float(value) if isinstance(value, int | float | np.integer | np.floating) and 0 < value < np.inf else 0.0
