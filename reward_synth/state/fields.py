"""What a simulator must offer, and the field table that everything else is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.state import view
from reward_synth.state.row_reader import CodeReader, RowReader, compile_row_reader
from reward_synth.state.stub import render_stub

if TYPE_CHECKING:
    import gymnasium

Reader = Callable[[Any], Any]
Expert = Callable[[], FloatArray | None]
"""The next action, in [-1, 1] per dimension, for the present state of the environment that it was made for; None
once it is done."""

NEVER_EARLY = "Nothing ends an episode early, success neither."
"""What a description says of a simulator whose episodes all last as long as their horizon."""


def _no_reader(env: Any) -> Any:
    raise TypeError("a Field needs either `code` or `read`")


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
    :param read: takes the live, unwrapped environment and returns the value; made from ``code`` if left out.
    :param essential: True for the curated fields that the short stub shows to a small model.
    :param code: Python expression over ``model``, ``data`` (the compiled MuJoCo model and its state),
        ``mujoco`` and ``np``, or over ``observation``, the flat vector that a policy sees; empty for simulators that
        are read by functions.
    :param judge_only: True for what a task's success and fitness may read and a reward may not, such as a
        benchmark's own success: a reward that pays it out is a sparse one in disguise.
    """

    name: str
    shape: tuple[int, ...]
    unit: str
    low: float
    high: float
    doc: str
    read: Reader = field(default=_no_reader, compare=False, repr=False)
    essential: bool = False
    code: str = ""
    judge_only: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"field name {self.name!r} is not a Python identifier")
        if self.read is _no_reader:
            if not self.code:
                raise ValueError(f"field {self.name!r} has neither `code` nor `read`")
            object.__setattr__(self, "read", CodeReader(self.code, self.shape))

    @property
    def size(self) -> int:
        """Number of float64 columns that the field takes in a row."""
        return int(np.prod(self.shape, dtype=int))


def _flat(field: Field) -> Reader:
    """The field's reader; a matrix comes as a vector, row by row."""
    return field.read if len(field.shape) < 2 else lambda env: np.ravel(field.read(env))


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
    """The actions of which one is chosen, from a name and a meaning each: a vector of zeros with a 1 in its place."""
    return [ActionDimension(number, name, "chosen", 0.0, 1.0, doc) for number, (name, doc) in enumerate(named)]


class FieldTable(Sequence[Field]):
    """All fields of one environment, in order; a *row* is their float64 columns side by side.

    :param discrete: True if an action is one of ``actions``, written as a vector of zeros with a 1 in its place.
    :raises ValueError: if two fields bear one name.
    """

    def __init__(self, fields: Sequence[Field], actions: Sequence[ActionDimension], discrete: bool = False) -> None:
        self._fields = tuple(fields)
        self._actions = tuple(actions)
        self.discrete = discrete
        self._by_name = {f.name: f for f in self._fields}
        if len(self._by_name) != len(self._fields):
            names = [f.name for f in self._fields]
            raise ValueError(f"duplicate field names: {sorted({n for n in names if names.count(n) > 1})}")

    @property
    def names(self) -> tuple[str, ...]:
        """All field names, in table order."""
        return tuple(self._by_name)

    @property
    def actions(self) -> tuple[ActionDimension, ...]:
        """The elements of the action vector, in order."""
        return self._actions

    @overload
    def __getitem__(self, index: int) -> Field: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Field, ...]: ...
    def __getitem__(self, index: int | slice) -> Field | tuple[Field, ...]:
        return self._fields[index]

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"FieldTable({len(self)} fields, {len(self._actions)} actions)"

    def get(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return self._by_name.get(name)

    def subset(self, names: Sequence[str]) -> FieldTable:
        """The table of only these fields, kept in table order; same actions. KeyError for an unknown name."""
        for name in names:
            if name not in self._by_name:
                raise KeyError(name)
        wanted = set(names)
        return FieldTable([f for f in self._fields if f.name in wanted], self._actions, self.discrete)

    def essential(self) -> FieldTable:
        """The table of only the essential fields; the whole table where none is marked."""
        chosen = [f.name for f in self._fields if f.essential]
        return self.subset(chosen) if chosen else self

    def for_rewards(self) -> FieldTable:
        """The table without the fields that only judges may read: all that a reward's author is ever shown."""
        names = [f.name for f in self._fields if not f.judge_only]
        return self if len(names) == len(self) else self.subset(names)

    def layout(self) -> view.Layout:
        """Name and shape of each field, in row order: all that another process needs to take a row apart."""
        return tuple((f.name, f.shape) for f in self._fields)

    def width(self) -> int:
        """Number of columns of a row."""
        return sum(f.size for f in self._fields)

    def columns(self) -> dict[str, slice]:
        """Where each field lies in a row."""
        return view.columns(self.layout())

    @property
    def low(self) -> FloatArray:
        """Smallest value of each column, shape (width,); ``-inf`` where unbounded."""
        return np.repeat([f.low for f in self._fields], [f.size for f in self._fields]).astype(np.float64)

    @property
    def high(self) -> FloatArray:
        """Largest value of each column, shape (width,); ``inf`` where unbounded."""
        return np.repeat([f.high for f in self._fields], [f.size for f in self._fields]).astype(np.float64)

    def reader(self, env: gymnasium.Env[Any, Any]) -> RowReader:
        """A fast function that reads the row (new float64 array of shape (width,)) from the live environment.

        It takes the newest observation, flat, which only fields over ``observation`` need.

        One function is compiled for the whole table, so make the table small first: ``table.subset(names)``.
        """
        return compile_row_reader([(f.code, f.size, _flat(f)) for f in self._fields], env)

    def viewer(self) -> Callable[[FloatArray], view.View]:
        """A fast function that wraps a row in a View."""
        return view.viewer(self.layout())

    def stub(self, short: bool = False) -> str:
        """The typed stub that the designer reads: class ``State`` with units, ranges and signs, then action.

        Fields that only judges may read are not in it.

        :param short: only the essential fields, and the actions in one line: for small models.
        """
        return render_stub(self.for_rewards(), short)


class Simulator(Protocol):
    """One family of environments. Implementations are stateless: environments hold the state.

    ``make`` raises :class:`~reward_synth.core.errors.RewardSynthError` with a hint for an unknown environment
    (nearest ids) or a missing extra (the exact install line).
    """

    name: str
    """``gym``, ``metaworld``, …: the folder under ``task_specs`` and the prefix of task names."""

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps, not yet reset."""
        ...

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments."""
        ...

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes."""
        ...

    def environments(self) -> dict[str, str]:
        """Installed environment ids with a one-line description each, for the choice by goal."""
        ...

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """What the environment made with these arguments is, for designers of rewards; the id where nobody knows."""
        ...

    def horizon(self, env_id: str) -> int:
        """Steps of an episode where no task says how many."""
        ...

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """Scripted controllers that know how to solve what the environment was made for; mostly there are none.

        They serve to try rewards and success on good behaviour, and are never shown to a model.
        """
        ...
