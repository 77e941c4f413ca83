"""The description of one field of a simulator's state, and of one element of its action."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from reward_synth.state.row_reader import read_code

Reader = Callable[[Any], Any]

SWITCH_UNIT = "0/1"
"""Unit of a field that is either 0.0 or 1.0, for example a contact."""
POSITION_UNITS = ("m", "rad")
"""Units of fields that say where something is."""


@dataclass(frozen=True)
class Field:
    """One documented quantity of the simulator's state that a reward or predicate may read.

    :param name: Python identifier, as reward code writes it after ``state.``.
    :param shape: ``()`` for a float, ``(3,)`` for a vector.
    :param unit: SI unit as text (``m``, ``rad/s``, ``N``), ``1`` for a dimensionless number, ``0/1`` for a
        switch.
    :param low: smallest value that an element can take (``-inf`` where nothing bounds it).
    :param high: largest value.
    :param doc: meaning and sign convention, in one sentence.
    :param read: takes the live, unwrapped environment and returns the value. If left out, it is made from ``code``.
    :param essential: True for the annotated fields that the short stub shows to a small model.
    :param code: Python expression over ``model``, ``data`` (the compiled MuJoCo model and its state),
        ``mujoco`` and ``np``, or over ``observation``, the flat vector that a policy sees; empty for simulators that
        are read by functions.
    :param judge_only: True for what a task's success and fitness may read and a reward may not, such as a
        benchmark's own success. A reward that uses it would be a sparse reward in disguise.
    :param healthy: the environment ends an episode once an element leaves these values; None if it does not.
    """

    name: str
    shape: tuple[int, ...]
    unit: str
    low: float
    high: float
    doc: str
    read: Reader = field(default=None, compare=False, repr=False)  # type: ignore[assignment]  # set below from code
    essential: bool = False
    code: str = ""
    judge_only: bool = False
    healthy: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"field name {self.name!r} is not a Python identifier")
        if self.read is None:
            if not self.code:
                raise ValueError(f"field {self.name!r} has neither `code` nor `read`")
            object.__setattr__(self, "read", partial(read_code, self.code, self.shape))

    @property
    def size(self) -> int:
        """Number of float64 columns that the field takes in a row."""
        return int(np.prod(self.shape, dtype=int))


@dataclass(frozen=True)
class ActionDimension:
    """One element of the action vector, named.

    :param index: position in the action vector.
    :param name: Python identifier, for example ``back_thigh``.
    :param unit: what one unit of the action stands for: ``120 N·m`` says that 1.0 is a torque of 120 N·m.
    :param low: smallest value that the environment accepts.
    :param high: largest value.
    :param doc: what it does, and what the positive direction is.
    """

    index: int
    name: str
    unit: str
    low: float
    high: float
    doc: str


def choice_of(named: Iterable[tuple[str, str]]) -> list[ActionDimension]:
    """A discrete action as a one-hot vector, from a name and a meaning for each choice."""
    return [ActionDimension(number, name, "chosen", 0.0, 1.0, doc) for number, (name, doc) in enumerate(named)]
