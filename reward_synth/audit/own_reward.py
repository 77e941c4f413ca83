"""An environment with its own reward, recorded so that the reward stands in the rows beside the state."""

from __future__ import annotations

import math
import re
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators import get_simulator
from reward_synth.state.custom_fields import told_in_a_step, with_own_fields
from reward_synth.state.episode import Episode
from reward_synth.state.expressions import SUCCESS_KEYS
from reward_synth.state.fields import Field
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.state.tells_reward import REWARD, USABLE, TellsReward
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec

SUCCESS, TERM = "own_success", "own_term_"
"""Name of a field, and beginning of others."""
A_PART = re.compile(r"(^|_)(rew|reward|cost|penalty|bonus)(_|$)")
"""Keys of ``info`` that name a part of the reward."""
MOST_TERMS = 12


@dataclass(frozen=True)
class OwnReward:
    """What is known of an environment's own reward.

    :param table: the state's fields, then the reward and what the environment tells beside it.
    :param keys: keys of ``info`` of the parts of the reward, in the order of their fields.
    :param success: key of ``info`` that says whether the goal is reached; empty if there is none.
    """

    spec: EnvironmentSpec
    table: FieldTable
    keys: tuple[str, ...]
    success: str
    dt: float
    task: TaskSpec | None = None

    @classmethod
    def of(cls, subject: EnvironmentSpec | TaskSpec) -> OwnReward:
        """Make and step the environment to see what it tells.

        :raises RewardSynthError: the environment cannot be made, or its own reward cannot be had.
        """
        spec = subject.environment_spec if isinstance(subject, TaskSpec) else subject
        simulator = get_simulator(spec.simulator)
        with closing(_made(spec)) as environment:
            told = {str(key): value for key, value in told_in_a_step(environment).items()}
            known = with_own_fields(simulator.fields(environment), spec.environment.fields, environment)
            dt = spec.environment.dt or simulator.seconds_per_step(environment)
        numbers = {key: value for key, value in told.items() if _is_number(value) and key not in (REWARD, USABLE)}
        keys = tuple(key for key in numbers if A_PART.search(key) and not _is_all(numbers[key], told))[:MOST_TERMS]
        success = next((key for key in SUCCESS_KEYS if key in numbers), "")
        fields = [_field(REWARD, REWARD), _field(USABLE, USABLE)]
        fields += [_field(f"{TERM}{place}", key) for place, key in enumerate(keys)]
        fields += [_field(SUCCESS, success)] if success else []
        table = known.with_fields([*known, *fields])
        task = subject if isinstance(subject, TaskSpec) else None
        return cls(spec, table, keys, success, dt, task)

    @property
    def state(self) -> FieldTable:
        """The state's fields alone."""
        return self.table.subset([name for name in self.table.names if not name.startswith("own_")])

    def opened(self, table: FieldTable, lasting: bool = False) -> StateRecorder:
        """A fresh environment that records these fields."""
        return StateRecorder(_made(self.spec, lasting), table)

    def rewards(self, episode: Episode) -> FloatArray:
        """The reward of each step, (T,); NaN where it was no finite number."""
        usable = episode.field(USABLE)[1:] > 0.5
        return np.where(usable, episode.field(REWARD)[1:], np.nan)

    def terms(self, episode: Episode) -> FloatArray:
        """The parts of the reward that the environment tells, (T, K)."""
        series = [episode.field(f"{TERM}{place}")[1:] for place in range(len(self.keys))]
        return np.stack(series, axis=1) if series else np.zeros((episode.length, 0))

    def reached(self, episode: Episode) -> NDArray[np.bool_] | None:
        """Where the environment says that the goal is reached, (T,); None if it never says so."""
        return episode.field(SUCCESS)[1:] > 0.5 if self.success else None


def _made(spec: EnvironmentSpec, lasting: bool = False) -> TellsReward:
    named = spec.environment
    return TellsReward(get_simulator(spec.simulator).with_own_reward(named.id, named.arguments, spec.horizon), lasting)


def _is_number(value: Any) -> bool:
    try:
        return np.ndim(value) == 0 and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _is_all(value: Any, told: dict[str, Any]) -> bool:
    """True for a second name of the whole reward."""
    return bool(float(value) == told[REWARD] != 0.0)


def _field(name: str, key: str) -> Field:
    return Field(
        name, (), "1", -np.inf, np.inf, f"`{key}` as the environment tells it.", code=f"info.get({key!r}, 0.0)"
    )
