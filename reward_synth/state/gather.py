"""Reads many numbers of MjData in a few calls of numpy, instead of one by one.

A *number* is an element of an array of MjData. Columns that are numbers, or sums, differences, products and roots of
numbers, are found in the fields' expressions. All numbers are then copied by one ``take``. Operations of one kind, such
as the first product in every body's velocity, are one call for all bodies. Each call works on elements that lie side by
side, and does to each what Python would do with the floats, so the results are equal to the last bit.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray

_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply"}
_FEWEST_ALIKE = 4
"""Columns that are computed in the same way, from which on computing them together is faster."""
_FEWEST_NUMBERS = 16
"""Numbers to read, from which on gathering them is faster than reading each."""

NUMBER, CONSTANT = "n", "c"
"""Shapes of a number and of a constant. The shape of an operation names it, and the shapes of its operands."""


class Operation(NamedTuple):
    """What a column holds: a number (by its index), a constant, or a function of others."""

    shape: str
    operands: tuple[Operation, ...] = ()
    value: float = 0.0
    """A constant's value, or a number's index."""


class Gather:
    """Which columns of a row are gathered, and the text of the statements that do so.

    :param data: a live MjData; None if there are no arrays.
    :param arrays: names of its arrays whose address never changes.
    """

    def __init__(self, data: Any, arrays: Iterable[str]) -> None:
        self._arrays = [name for name in sorted(arrays) if getattr(data, name).size]
        self._columns: dict[int, Operation] = {}
        # In place of every array one of the same shape that holds the numbers' indices: an expression over these gives
        # the indices of the numbers that it would read.
        self._indices, start = SimpleNamespace(), 0
        for name in self._arrays:
            like = getattr(data, name)
            setattr(self._indices, name, np.arange(start, start + like.size).reshape(like.shape))
            start += like.size

    def offer(self, expression: ast.expr, column: int, size: int) -> None:
        """Take the field that begins at this column, if it consists of numbers and what is computed from them."""
        if isinstance(expression, ast.Tuple):
            found = [self._operation(element) for element in expression.elts]
        elif (indices := self._numbers(expression)) is not None:
            found = [Operation(NUMBER, (), index) for index in indices.ravel().tolist()]
        else:
            found = [self._operation(expression)]
        if len(found) == size:
            self._columns |= {column + i: each for i, each in enumerate(found) if each is not None}

    def chosen(self) -> dict[int, Operation]:
        """The columns that are worth gathering; empty if reading each by itself is faster."""
        alike: defaultdict[str, list[int]] = defaultdict(list)
        for column, each in self._columns.items():
            alike[each.shape].append(column)
        groups = [group for shape, group in alike.items() if shape == NUMBER or len(group) >= _FEWEST_ALIKE]
        chosen = {column: self._columns[column] for group in groups for column in group}
        return chosen if sum(each.shape.count(NUMBER) for each in chosen.values()) >= _FEWEST_NUMBERS else {}

    def statements(self, chosen: Mapping[int, Operation], width: int) -> tuple[list[str], list[str]]:
        """Statements that run once, and those that make a new ``row`` with the chosen columns in it."""
        if not chosen:
            return ["empty = np.empty"], [f"row = empty({width})"]
        members, operands = _arranged(chosen)
        starts, start = {}, 0
        for shape in sorted(members, key=lambda shape: (shape != NUMBER, len(shape))):
            starts[shape], start = start, start + len(members[shape])
        columns, seen = [0] * width, dict.fromkeys(members, 0)
        for column, each in chosen.items():
            columns[column] = starts[each.shape] + seen[each.shape]
            seen[each.shape] += 1
        numbers = [int(each.value) for each in members[NUMBER]]
        constants = [each.value for each in members.get(CONSTANT, ())]
        once = [
            f"work = np.zeros({start})",
            f"span, places = spanned(data, {self._arrays}, {numbers})",
            f"gathered, columns = work[:{len(numbers)}], np.array({columns})",
        ]
        if constants:
            once.append(f"work[{starts[CONSTANT]}:{starts[CONSTANT] + len(constants)}] = {constants}")
        # Of `take`, only the mode `clip` writes to its result without a copy.
        per_row = ["span.take(places, None, gathered, 'clip')"]
        for shape in sorted(operands, key=len):
            blocks = [(starts[child] + first, len(members[shape])) for child, first in operands[shape]]
            blocks.append((starts[shape], len(members[shape])))
            names = [f"work_{first}_{size}" for first, size in blocks]
            once += [
                f"{name} = work[{first}:{first + size}]" for name, (first, size) in zip(names, blocks, strict=True)
            ]
            per_row.append(f"np_{shape.partition('(')[0]}({', '.join(names)})")
        once += [f"np_{name} = np.{name}" for name in sorted({shape.partition("(")[0] for shape in operands})]
        return once, [*per_row, "row = work.take(columns)"]

    def _numbers(self, expression: ast.expr) -> NDArray[np.intp] | None:
        """Indices of the numbers that an element, slice or whole of an array reads; None for another expression."""
        inner = expression
        while isinstance(inner, ast.Subscript) and not any(
            isinstance(part, ast.Name) for part in ast.walk(inner.slice)
        ):
            inner = inner.value
        match inner:
            case ast.Attribute(value=ast.Name(id="data"), attr=array) if array in self._arrays:
                try:
                    return np.asarray(eval(ast.unparse(expression), {"__builtins__": {}, "data": self._indices}))
                except (IndexError, TypeError):
                    return None  # It fails in the same way, and is reported, when it is read by itself.
        return None

    def _operation(self, expression: ast.expr) -> Operation | None:
        match expression:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return Operation(CONSTANT, (), float(value))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                name, parts = _OPERATORS[type(operator)], [self._operation(left), self._operation(right)]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="sqrt"), args=[argument], keywords=[]):
                name, parts = "sqrt", [self._operation(argument)]
            case _:
                indices = self._numbers(expression)
                return Operation(NUMBER, (), int(indices)) if indices is not None and indices.shape == () else None
        operands = tuple(part for part in parts if part is not None)
        shape = f"{name}({','.join(part.shape for part in operands)})"
        return Operation(shape, operands) if len(operands) == len(parts) else None


Operands = dict[str, list[tuple[str, int]]]
"""Shape of an operation → for each operand, its shape, and its place among all of that shape for the first operation.
The operands of the other operations follow it."""


def _arranged(chosen: Mapping[int, Operation]) -> tuple[dict[str, list[Operation]], Operands]:
    """All operations by their shape, in such an order that the operands of equal operations lie side by side."""
    members: defaultdict[str, list[Operation]] = defaultdict(list)
    members[NUMBER] = []
    for each in chosen.values():
        members[each.shape].append(each)
    operands: Operands = {}
    while pending := members.keys() - operands.keys() - {NUMBER, CONSTANT}:
        # The longest is nobody's operand any more, so its members are complete.
        shape = max(pending, key=len)
        operands[shape] = []
        for parts in zip(*(each.operands for each in members[shape]), strict=True):
            operands[shape].append((parts[0].shape, len(members[parts[0].shape])))
            members[parts[0].shape] += parts
    return members, operands


def spanned(data: Any, arrays: Sequence[str], numbers: Sequence[int]) -> tuple[FloatArray, NDArray[np.intp]]:
    """One view that spans all these arrays, and the places of the numbers in it.

    MjData has allocated them together, as one buffer of ``nbuffer`` bytes.

    :param arrays: their names; none of them is empty, because an empty one lies elsewhere.
    :raises RuntimeError: they are further apart.
    """
    parts = [getattr(data, name) for name in arrays]
    addresses = np.array([part.ctypes.data for part in parts])
    first = int(addresses.argmin())
    starts = (addresses - addresses[first]) // 8
    places = np.concatenate([start + np.arange(part.size) for start, part in zip(starts, parts, strict=True)])
    length = int(places.max()) + 1
    if 8 * length > data.nbuffer:
        raise RuntimeError("MuJoCo's arrays do not lie in one buffer")
    span = np.lib.stride_tricks.as_strided(parts[first].ravel(), (length,), (8,), writeable=False)
    return span, places[np.array(numbers, dtype=np.intp)]
