"""What the lint knows of a value without running anything: bounds, shape, and whose memory it is."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

INFINITY = math.inf
NOWHERE: frozenset[str] = frozenset()
Kind = Literal["any", "number", "array", "list", "tuple", "set", "dict", "text", "view", "range", "function"]
Shape = tuple[float, ...]


@dataclass(frozen=True)
class Value:
    """All values that an expression may have; every field says the worst that is known.

    ``low`` and ``high`` bound a number, or each element of an array. ``sites`` names the memory that it shares: a
    field of the state, ``action``, ``memory``, or the place in the code that made a container.
    """

    kind: Kind = "any"
    low: float = -INFINITY
    high: float = INFINITY
    whole: bool = False
    """A Python int, which grows without end."""
    data: bool = False
    """It depends on what the function is given."""
    shape: Shape | None = None
    """Of an array, where known; of a container one number, the most elements that it may have."""
    items: Value | None = None
    """All elements of a container or text in one."""
    elements: tuple[Value, ...] = ()
    """The elements of a tuple, where known one by one."""
    sites: frozenset[str] = NOWHERE
    undefined: bool = False
    """It is NaN or infinite, whatever the input."""
    function: Any = None
    """The node of a function or lambda, and the names around it."""

    @property
    def size(self) -> float | None:
        """The most elements that it may have, or None."""
        return None if self.shape is None else math.prod(self.shape)

    @property
    def element(self) -> Value:
        """One element of it."""
        if self.elements:
            return join(self.elements)
        if self.items is not None:
            return self.items
        if self.kind == "array":
            rest = self.shape[1:] if self.shape else None
            if rest == () or self.shape == ():
                return Value("number", self.low, self.high, data=self.data)
            return replace(self, shape=rest)
        if self.kind == "range":
            return Value("number", self.low, self.high, whole=True)
        if self.kind == "text":
            return Value("text", shape=(1.0,), data=self.data)
        return Value(data=self.data)


@dataclass
class Content:
    """What a container holds: at most ``length`` elements."""

    length: float | None
    items: Value | None
    known: dict[object, Value] = field(default_factory=dict)


UNKNOWN = Value()
DATA = Value(data=True)
TRUTH = Value("number", 0.0, 1.0)


def number(low: float, high: float | None = None, whole: bool = False, data: bool = False) -> Value:
    """A number between two bounds."""
    return Value("number", low, low if high is None else high, whole=whole, data=data)


def join(values: Iterable[Value]) -> Value:
    """What holds for all of the values."""
    first, *others = list(values) or [UNKNOWN]
    for other in others:
        first = _join(first, other)
    return first


def _join(one: Value, other: Value) -> Value:
    if one == other:
        return one
    shape = one.shape if one.shape == other.shape else None
    if shape is None and one.shape and other.shape and len(one.shape) == len(other.shape):
        shape = tuple(map(max, one.shape, other.shape))
    items = one.items
    if one.items is not None and other.items is not None:
        items = _join(one.items, other.items)
    elements: tuple[Value, ...] = ()
    if len(one.elements) == len(other.elements):
        elements = tuple(map(_join, one.elements, other.elements))
    return Value(
        one.kind if one.kind == other.kind else "any",
        min(one.low, other.low),
        max(one.high, other.high),
        one.whole and other.whole,
        one.data or other.data,
        shape,
        items or other.items,
        elements,
        one.sites | other.sites,
        one.undefined and other.undefined,
        one.function or other.function,
    )


def broadcast(shapes: Iterable[Shape | None]) -> Shape | None:
    """Shape of an element-wise result; None if one is unknown."""
    result: list[float] = []
    for shape in shapes:
        if shape is None:
            return None
        longer = max(len(shape), len(result))
        one = [1.0] * (longer - len(shape)) + list(shape)
        other = [1.0] * (longer - len(result)) + result
        result = list(map(max, one, other))
    return tuple(result)


def shape_of(value: Value) -> Shape | None:
    """Shape that numpy would give the value."""
    if value.kind == "number":
        return ()
    if value.kind in ("list", "tuple", "range") and value.shape:
        inner = shape_of(value.element)
        return None if inner is None else (*value.shape, *inner)
    return value.shape if value.kind == "array" else None


def elementwise(values: list[Value], low: float = -INFINITY, high: float = INFINITY) -> Value:
    """What a numpy function makes of its arguments, element by element."""
    shape = broadcast(map(shape_of, values))
    data = any(value.data for value in values)
    kind: Kind = "number" if shape == () else "array" if any(map(is_array, values)) else "any"
    if math.isnan(low) or math.isnan(high):
        low, high = -INFINITY, INFINITY
    return Value(kind, low, high, data=data, shape=None if shape == () else shape)


def is_array(value: Value) -> bool:
    """True for what is, or becomes, an array of at least one dimension."""
    return value.kind in ("array", "list", "tuple", "range")


def arithmetic(operator: ast.operator, left: Value, right: Value, same: bool = False) -> Value:
    """Bounds of ``left operator right``.

    :param same: both sides are the same name, so that a product is a square.
    """
    low, high = _bounds(operator, left, right)
    if same and isinstance(operator, ast.Mult):
        low = max(low, 0.0)
    result = elementwise([left, right], low, high)
    whole = left.whole and right.whole and not isinstance(operator, ast.Div)
    spreads = isinstance(operator, ast.Add | ast.Sub | ast.Mult) and right.undefined
    return replace(result, whole=whole and result.kind == "number", undefined=left.undefined or spreads)


def _bounds(operator: ast.operator, left: Value, right: Value) -> tuple[float, float]:
    a, b, c, d = left.low, left.high, right.low, right.high
    try:
        if isinstance(operator, ast.Add):
            return a + c, b + d
        if isinstance(operator, ast.Sub):
            return a - d, b - c
        if isinstance(operator, ast.Mult):
            products = [0.0 if 0.0 in (x, y) else x * y for x in (a, b) for y in (c, d)]
            return min(products), max(products)
        if isinstance(operator, ast.Div | ast.FloorDiv) and (c > 0.0 or d < 0.0):
            # Where both are unbounded, the bound of the divisor that is finite gives the largest ratio, the other 0.
            ratios = [0.0 if math.isinf(x) and math.isinf(y) else x / y for x in (a, b) for y in (c, d)]
            slack = 1.0 if isinstance(operator, ast.FloorDiv) else 0.0
            return min(ratios) - slack, max(ratios)
        if isinstance(operator, ast.Mod) and c == d > 0.0:
            return 0.0, d
        if isinstance(operator, ast.Pow):
            return _power_bounds(a, b, c, d)
    except (OverflowError, ZeroDivisionError, ValueError):
        pass
    return -INFINITY, INFINITY


def _power_bounds(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    if c == d and d >= 0.0 and d == int(min(d, 1e9)):
        largest = _power(max(abs(a), abs(b)), d)
        if int(d) % 2 == 0:
            return (_power(min(abs(a), abs(b)), d) if a > 0.0 or b < 0.0 else 0.0), largest
        return (-_power(-a, d) if a < 0.0 else _power(a, d)), (_power(b, d) if b >= 0.0 else -_power(-b, d))
    if a >= 0.0:
        return 0.0, max(_power(b, d), _power(b, c), _power(a, d) if a else 0.0, _power(a, c) if a else 0.0)
    return -INFINITY, INFINITY


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return INFINITY
    except ZeroDivisionError:
        return INFINITY
