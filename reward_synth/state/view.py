"""What reward code sees of a state: an immutable view with one attribute per field.

The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.names import EPISODE_ATTRIBUTES
from reward_synth.core.nearest import did_you_mean, nearest

Layout = tuple[tuple[str, tuple[int, ...]], ...]
"""``(field name, shape)`` of every field, in the order in which a row holds them."""


def width(layout: Layout) -> int:
    """Number of float64 columns of a row."""
    return sum(math.prod(shape) for _, shape in layout)


def columns(layout: Layout) -> dict[str, slice]:
    """The columns of each field in a row."""
    places: dict[str, slice] = {}
    start = 0
    for name, shape in layout:
        places[name] = slice(start, start + math.prod(shape))
        start += math.prod(shape)
    return places


def column_indices(layout: Layout, names: Sequence[str]) -> NDArray[np.intp]:
    """Column numbers, ascending, of the named fields in a row of ``layout``; KeyError for an unknown name."""
    places = columns(layout)
    wanted = {name: places[name] for name in names}
    numbers = [np.arange(wanted[name].start, wanted[name].stop) for name, _ in layout if name in wanted]
    return np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.intp)


def sublayout(layout: Layout, names: Sequence[str]) -> Layout:
    """The layout of only the named fields, in the order of ``layout``."""
    wanted = frozenset(names)
    return tuple(field for field in layout if field[0] in wanted)


def suggestion(name: str, known: Sequence[str]) -> str:
    """``did you mean `x`?`` for a misspelt name, or the list of what there is; empty if there is nothing."""
    listed = ", ".join(f"`{entry}`" for entry in known[:12])
    return did_you_mean(nearest(name, known, 3, 0.5), f"there is: {listed}" if known else "", quote="`")


class View:
    """An immutable snapshot: one attribute per field.

    Scalars are Python floats, vectors are read-only float64 arrays. Setting an attribute raises AttributeError.
    Reading an unknown one raises AttributeError with the nearest names. A view shares memory with its row.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        kind = type(self).__name__.lower()
        raise AttributeError(f"`{kind}` has no field `{name}`; {suggestion(name, _names(self))}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"`{type(self).__name__.lower()}` is read-only: cannot set `{name}`")

    def __getitem__(self, key: object) -> NoReturn:
        kind = type(self).__name__.lower()
        if isinstance(key, str):
            raise TypeError(f"write `{kind}.{key}` instead of `{kind}[{key!r}]`")
        raise TypeError(f"`{kind}` cannot be indexed; read a field by name: `{kind}.{_names(self)[0]}`")

    def __iter__(self) -> NoReturn:
        raise TypeError(f"`{type(self).__name__.lower()}` cannot be iterated; read its fields by name")


def _names(view: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = view._fields
    return names


def _view_class(kind: str, names: Sequence[str]) -> type[Any]:
    # A view is a tuple, because Python builds no other immutable record faster. namedtuple also refuses names
    # that are not public identifiers. The tuple's own public methods must not look like fields.
    record = namedtuple(f"{kind}Record", names)  # type: ignore[misc]
    hidden = {method: property() for method in ("count", "index") if method not in names}
    return type(kind, (View, record), {"__slots__": (), "__doc__": View.__doc__, **hidden})


def _constructor(layout: Layout) -> str:
    """Source text of an expression that makes a view of ``row``, whose numbers are also in the list ``values``.

    The text contains only numbers of the layout, so evaluating it is safe. It replaces a loop over the fields, which
    would take more time than everything else.
    """
    parts = []
    for place, (_, shape) in zip(columns(layout).values(), layout, strict=True):
        part = f"row[{place.start}:{place.stop}]" if shape else f"values[{place.start}]"
        parts.append(f"{part}.reshape({shape!r})," if len(shape) > 1 else f"{part},")
    return f"new(cls, ({' '.join(parts)}))"


def _read_only(rows: FloatArray) -> FloatArray:
    if rows.flags.writeable:
        rows = rows.view()
        rows.flags.writeable = False
    return rows


def viewer(layout: Layout) -> Callable[[FloatArray], View]:
    """A fast function that wraps one row (width,) in a view. The row must not be written to afterwards.

    :raises ValueError: for a field name that is not a public identifier.
    """
    record = _view_class("State", [name for name, _ in layout])
    make = eval(f"lambda row, values, new, cls: {_constructor(layout)}", {"__builtins__": {}})
    new = tuple.__new__

    def view(row: FloatArray) -> View:
        state: View = make(_read_only(row), row.tolist(), new, record)
        return state

    return view


def batch_viewer(layout: Layout) -> Callable[[FloatArray], list[View]]:
    """A fast function from rows (N, width) to N views. The rows must not be written to afterwards.

    :raises ValueError: for a field name that is not a public identifier.
    """
    record = _view_class("State", [name for name, _ in layout])
    places = [(place, shape) for place, (_, shape) in zip(columns(layout).values(), layout, strict=True)]
    new = tuple.__new__

    def view(rows: FloatArray) -> list[View]:
        rows = _read_only(rows)
        if not places:
            return [new(record, ()) for _ in rows]
        # Splitting the whole block of a field into rows takes half the time of slicing each row.
        histories: list[list[Any]] = [
            list(rows[:, place].reshape(len(rows), *shape)) if shape else rows[:, place.start].tolist()
            for place, shape in places
        ]
        return [new(record, values) for values in zip(*histories, strict=True)]

    return view


def episode_view(
    layout: Layout, rows: FloatArray, actions: FloatArray, dt: float, horizon: int, terminated: bool
) -> View:
    """What ``success`` and ``fitness`` see of one recorded episode of T steps.

    :param rows: (T+1, width), the state before the first step and after each.
    :param actions: (T, A).
    :param dt: simulated seconds per step.
    :returns: an attribute per field, (T+1, *shape), and those of :data:`EPISODE_ATTRIBUTES`: ``action``
        (T, A), ``length`` T, ``dt``, ``seconds`` T*dt, ``horizon`` in steps, ``terminated``.
    :raises ValueError: if a field has the name of one of those.
    """
    record: Any = _view_class("Episode", [*(name for name, _ in layout), *EPISODE_ATTRIBUTES])
    places, length = columns(layout), len(actions)
    # A field's columns are strided. They are copied, because the code runs faster on contiguous arrays.
    blocks = (rows[:, places[name]].reshape((len(rows), *shape)).copy() for name, shape in layout)
    histories = (_read_only(array) for array in (*blocks, actions))
    view: View = tuple.__new__(record, (*histories, length, dt, length * dt, horizon, terminated))
    return view
