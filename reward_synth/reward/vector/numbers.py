"""Sums, products and functions of a whole batch, bit for bit equal to those computed row by row.

Arrays hold a batch in their last axis: a number per row is (N,), a vector of k per row is (k, N). The locked
reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray  # Slow to load, and of no use at run time.

    Array = NDArray[Any]
LONGEST_SUM = 128
"""Longest vector that numpy adds up in one piece."""

TWINS = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "atan": "arctan", "atanh": "arctanh", "cbrt": "cbrt",
    "cos": "cos", "cosh": "cosh", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log10": "log10",
    "log1p": "log1p", "log2": "log2", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt", "tan": "tan", "tanh": "tanh",
}  # fmt: skip
"""Functions of ``math`` of one number and what numpy calls them."""


class Deviates(Exception):
    """The scalar form would raise for a row of this batch, or might."""


def total(values: Array) -> Array:
    """Sum over the first axis, (k, N) to (N,), in the order in which numpy adds up one vector of k."""
    count = len(values)
    if count < 8:
        sums: Array = np.add.reduce(values, 0)
        return sums
    # numpy adds up a vector in eight lanes, then the lanes in pairs, then the remaining elements.
    whole = count - count % 8
    lanes = np.add.reduce(values[:whole].reshape(-1, 8, values.shape[1]), 0)
    while len(lanes) > 1:
        lanes = lanes[0::2] + lanes[1::2]
    sums = lanes[0]
    for rest in values[whole:]:
        sums = sums + rest
    return sums


def dot(left: Array, right: Array) -> Array:
    """Inner products, two of (k, N) to (N,); ``right`` may also be one constant vector, (k,).

    Each row is copied to contiguous memory; otherwise the library would add in another order.
    """
    products: Array = np.vecdot(left.T.copy(), right if right.ndim == 1 else right.T.copy())
    return products


def norm(values: Array) -> Array:
    """Euclidean lengths, (k, N) to (N,)."""
    rows = values.T.copy()
    lengths: Array = np.sqrt(np.vecdot(rows, rows))
    return lengths


def stacked(count: int, rows: tuple[Any, ...]) -> Array:
    """One float array of the given rows, each an array of a batch of ``count`` or a constant of its shape."""
    shape = next(row.shape for row in rows if row.ndim and row.shape[-1] == count)
    array = np.empty((len(rows), *shape))
    for place, row in enumerate(rows):
        array[place] = row
    return array


def each(function: Callable[..., Any], count: int, active: Array | None, *values: Any) -> Array:
    """The results of a Python function for every row. It is called only where ``active``; NaN elsewhere. It may raise.

    :param values: (N,) arrays, or single numbers.
    """
    if active is not None:
        rows = np.flatnonzero(active)
        result = np.full(count, math.nan)
        chosen = (value[rows] if isinstance(value, np.ndarray) and value.ndim else value for value in values)
        result[rows] = each(function, len(rows), None, *chosen)
        return result
    columns = [
        value.tolist() if isinstance(value, np.ndarray) and value.ndim else repeat(float(value), count)
        for value in values
    ]
    return np.array(list(map(function, *columns)), dtype=np.float64)


def power(base: Array, exponent: float, active: Array | None) -> Array:
    """``base ** exponent`` of Python floats; raises where Python raises, or would give a complex number."""
    if len(base) < 8 or not is_twin("pow"):
        return each(math.pow, len(base), active, base, exponent)
    # With an exponent of one element, numpy would multiply instead, which rounds differently.
    exponents = np.empty(len(base))
    exponents.fill(exponent)
    powers: Array = np.power(base, exponents)
    finite(powers, active)
    return powers


def finite(values: Array, active: Array | None) -> None:
    """Raise if a function of ``math`` may have raised: its value is NaN, infinite or very large."""
    if active is not None:
        values = values[active]
    if not math.isfinite(values.dot(values)):
        raise Deviates


def not_zero(values: Array, active: Array | None) -> None:
    """Raise if a Python float would be divided by zero."""
    if active is not None:
        values = values[active]
    if np.count_nonzero(values) < len(values):
        raise Deviates


@cache
def is_twin(name: str) -> bool:
    """True if numpy's function gives the same bits as that of ``math`` on this machine.

    Either numpy calls the same library, or it has its own approximation, which differs for one in every few numbers.
    """
    shifted = 1.0 if name == "acosh" else 0.0
    samples = np.concatenate((np.linspace(1e-3, 0.999, 399), np.geomspace(1e-9, 0.9, 101))) + shifted
    if name not in ("acos", "acosh", "asin", "atanh"):
        samples = np.concatenate((samples, np.linspace(1.0, 40.0, 501)))
    if name == "pow":
        return all(
            np.power(samples, np.full(len(samples), exponent)).tolist()
            == [math.pow(sample, exponent) for sample in samples.tolist()]
            for exponent in (2.0, 0.7, -1.5)
        )
    function = getattr(math, name)
    return bool(getattr(np, TWINS[name])(samples).tolist() == [function(sample) for sample in samples.tolist()])
