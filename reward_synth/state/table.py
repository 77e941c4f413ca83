"""The field table: all fields of an environment, from which stub, lint, rows and views are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.state import view
from reward_synth.state.fields import ActionDimension, Field, Reader
from reward_synth.state.row_reader import RowReader, compile_row_reader
from reward_synth.state.stub import render_stub

if TYPE_CHECKING:
    import gymnasium


class FieldTable(Sequence[Field]):
    """All fields of one environment, in order; a *row* is their float64 columns side by side.

    :param discrete: True if an action is a choice of one of ``actions``, written as a one-hot vector.
    :param scenery: lines on what never moves, such as walls, and on sizes. They stand in the full stub only.
    :raises ValueError: if two fields have the same name.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        actions: Sequence[ActionDimension],
        discrete: bool = False,
        scenery: Sequence[str] = (),
    ) -> None:
        self._fields = tuple(fields)
        self.actions = tuple(actions)
        """The elements of the action vector, in order."""
        self.discrete = discrete
        self.scenery = tuple(scenery)
        self._by_name = {f.name: f for f in self._fields}
        if len(self._by_name) != len(self._fields):
            names = [f.name for f in self._fields]
            raise ValueError(f"duplicate field names: {sorted({n for n in names if names.count(n) > 1})}")

    @property
    def names(self) -> tuple[str, ...]:
        """All field names, in table order."""
        return tuple(self._by_name)

    @overload
    def __getitem__(self, index: int) -> Field: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Field, ...]: ...
    def __getitem__(self, index: int | slice) -> Field | tuple[Field, ...]:
        return self._fields[index]

    def __len__(self) -> int:
        return len(self._fields)

    def get(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return self._by_name.get(name)

    def subset(self, names: Sequence[str]) -> FieldTable:
        """The table of only these fields, kept in table order; same actions. KeyError for an unknown name."""
        wanted = {self._by_name[name].name for name in names}
        return self.with_fields([f for f in self._fields if f.name in wanted])

    def with_fields(self, fields: Sequence[Field]) -> FieldTable:
        """A table of these fields instead, for the same actions in the same scenery."""
        return FieldTable(fields, self.actions, self.discrete, self.scenery)

    def essential(self) -> FieldTable:
        """The table of only the essential fields; the whole table where none is marked."""
        chosen = [f.name for f in self._fields if f.essential]
        return self.subset(chosen) if chosen else self

    def for_rewards(self) -> FieldTable:
        """The table without the fields that only judges may read. The author of a reward never sees more."""
        names = [f.name for f in self._fields if not f.judge_only]
        return self if len(names) == len(self) else self.subset(names)

    def layout(self) -> view.Layout:
        """Name and shape of each field, in row order: all that another process needs to split a row."""
        return tuple((f.name, f.shape) for f in self._fields)

    def width(self) -> int:
        """Number of columns of a row."""
        return view.width(self.layout())

    def columns(self) -> dict[str, slice]:
        """The columns of each field in a row."""
        return view.columns(self.layout())

    @property
    def low(self) -> FloatArray:
        """Smallest value of each column, shape (width,); ``-inf`` where unbounded."""
        return self._by_column([f.low for f in self._fields])

    @property
    def high(self) -> FloatArray:
        """Largest value of each column, shape (width,); ``inf`` where unbounded."""
        return self._by_column([f.high for f in self._fields])

    def _by_column(self, values: list[float]) -> FloatArray:
        return np.repeat(np.array(values, np.float64), [f.size for f in self._fields])

    def reader(self, env: gymnasium.Env[Any, Any]) -> RowReader:
        """See :func:`compile_row_reader`. It reads all fields, so make the table small first with :meth:`subset`."""
        return compile_row_reader([(f.code, f.shape, _flat(f)) for f in self._fields], env)

    def stub(self, short: bool = False, judged: bool = False, grouped: bool = False) -> str:
        """The typed stub that the designer reads: class ``State`` with units, ranges and signs, then action.

        :param short: show only the essential fields, and the actions in one line, for small models.
        :param grouped: show fields that all parts of a body have once for all parts. The text is half as long, and a
            model can still name all fields.
        :param judged: show also the fields that only judges may read, for the author of success and fitness.
        """
        fields = self if judged else self.for_rewards()
        told = "" if short else "".join(f"# {line}\n" for line in self.scenery)
        return render_stub(fields, self.actions, self.discrete, short, grouped) + told


def _flat(field: Field) -> Reader:
    """The field's reader. It returns a matrix as a vector, row by row."""
    return field.read if len(field.shape) < 2 else lambda env: np.ravel(field.read(env))
