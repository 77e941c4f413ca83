"""Calls of numpy, ``math`` and Python functions, and of methods, with values that are computed for a whole batch.

The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import ast
import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np

from reward_synth.reward.vector.kinds import (
    EXACT,
    MAYBE_PYTHON,
    TELLING_ZEROS,
    TYPES,
    Batch,
    Program,
    Unsupported,
    describe,
    has_batch,
    refuse,
)
from reward_synth.reward.vector.numbers import LONGEST_SUM, TWINS, is_twin

REDUCTIONS = {
    "sum": "sum", "mean": "mean", "max": "max", "amax": "max", "min": "min", "amin": "min", "prod": "prod",
    "std": "std", "var": "var", "any": "any", "all": "all",
}  # fmt: skip
FOLDED = frozenset(REDUCTIONS) | {
    "arange", "array", "asarray", "clip", "concatenate", "cross", "cumsum", "deg2rad", "diag", "diff", "dot", "eye",
    "float64", "full", "linspace", "median", "norm", "ones", "ones_like", "outer", "repeat", "where", "zeros",
    "zeros_like",
}  # fmt: skip
"""numpy functions besides the elementwise ones that may be called with constants."""

TOTAL = frozenset(["atan", "atan2", "asinh", "tanh", "erf", "erfc", "fabs", "copysign", "degrees", "radians", "cbrt"])
"""Functions of ``math`` that never raise for floats."""
MATH = frozenset(TWINS) | TOTAL | frozenset(["pow", "hypot", "fmod", "gamma", "lgamma", "remainder"])
NOT_NEGATIVE = frozenset(["abs", "absolute", "fabs", "exp", "exp2", "sqrt", "square", "hypot", "acos", "cosh"])
MOST_ELEMENTS = 1000


class Calls:
    """Translates calls to lines of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.builtins: dict[str, Callable[..., Any]] = {
            "abs": self.absolute,
            "all": partial(self.combined, "&"),
            "any": partial(self.combined, "|"),
            "bool": program.truth,
            "enumerate": lambda value, start=0: list(enumerate(self.elements(value), start)),
            "float": partial(program.number, kind="py"),
            "int": self.integer,
            "len": lambda value: value.shape[0] if isinstance(value, Batch) else len(value),
            "list": lambda value=(): self.elements(value),
            "max": partial(self.extreme, "max"),
            "min": partial(self.extreme, "min"),
            "range": range,
            "reversed": lambda value: self.elements(value)[::-1],
            "sum": self.added,
            "tuple": lambda value=(): tuple(self.elements(value)),
            "zip": lambda *values: list(zip(*map(self.elements, values), strict=False)),
        }

    def elements(self, value: Any) -> list[Any]:
        """The elements that an iteration over the value gives."""
        if isinstance(value, Batch):
            refuse(not value.shape, "iterating over a number")
            return [self.item(value, place) for place in range(value.shape[0])]
        if isinstance(value, np.ndarray):
            describe(value)
        refuse(len(value) > MOST_ELEMENTS, "a long loop")
        return list(value)

    def item(self, value: Batch, index: Any) -> Batch:
        """``value[index]``: integers and slices of a row, or one list of integers."""
        parts = index if isinstance(index, tuple) else (index,)
        plain = all(isinstance(part, (int, np.integer, slice)) and not isinstance(part, bool) for part in parts)
        listed = isinstance(index, list) and all(type(part) is int for part in index)
        refuse(not (plain or listed), "an index that is no constant integer or slice")
        shape = np.empty(value.shape)[index].shape
        refuse(not math.prod(shape), "an empty vector")
        return replace(
            self.program.emit(f"{value.text}[{_index_text(index)}]", shape, value.type, "np"), sign=value.sign
        )

    def array(self, value: Any) -> Any:
        """``np.array(value)``."""
        if isinstance(value, Batch):
            return value if value.shape else replace(value, kind="0d")
        if not has_batch(value):
            return np.array(value)
        rows = [self.array(row) if isinstance(row, (list, tuple)) else row for row in value]
        ours = [describe(row) for row in rows]
        if len({row.shape for row in ours}) > 1 or not any(row.type == "f" for row in ours):
            raise Unsupported("an array of mixed rows")
        refuse(not any(isinstance(row, Batch) and row.shape == ours[0].shape for row in rows), "an array without rows")
        text = "".join(f"{self.program.operand(row, True)}, " for row in rows)
        sign = min(row.sign for row in ours)
        return self.program.emit(f"stacked(n, ({text}))", (len(rows), *ours[0].shape), sign=sign)

    # numpy

    def numpy(self, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> Any:
        """``np.name(...)``; ``linalg.norm`` is called ``norm``."""
        function = getattr(np.linalg if name == "norm" else np, name, None)
        elementwise = isinstance(function, np.ufunc) and function.nout == 1 and function.signature is None
        if not (has_batch(arguments) or has_batch(keywords)):
            if not (elementwise or name in FOLDED) or function is None:
                raise Unsupported(f"np.{name}")
            return function(*arguments, **keywords)
        if elementwise:
            return self.elementwise(name, arguments, keywords)
        if name in REDUCTIONS:
            return self.reduction(REDUCTIONS[name], self.array(arguments[0]), arguments[1:], keywords)
        method = getattr(self, f"_np_{name}", None)
        if method is None:
            raise Unsupported(f"np.{name}")
        result: Any = method(*arguments, **keywords)
        return result

    def elementwise(self, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> Batch:
        """A numpy function of each element."""
        values = [self.array(value) if isinstance(value, (list, tuple)) else value for value in arguments]
        ours = [describe(value) for value in values]
        function: Any = getattr(np, name)
        refuse(keywords or len(values) != function.nin, f"np.{name} with options")
        samples = [value if not isinstance(value, Batch) else np.ones((), TYPES[value.type]) for value in values]
        type_ = {np.dtype(np.float64): "f", np.dtype(np.bool_): "b"}.get(function(*samples).dtype)
        if type_ is None:
            raise Unsupported("a function of integers")
        sign = int(name in NOT_NEGATIVE)
        if name in ("maximum", "fmax"):
            sign = max(value.sign for value in ours)
        return self.program.elementwise(name, values, type_, sign)

    def reduction(self, name: str, value: Any, rest: Sequence[Any], keywords: Mapping[str, Any]) -> Batch:
        """A reduction, such as a sum, over all elements or along an axis."""
        options = {**dict(zip(("axis",), rest, strict=False)), **keywords}
        axis = options.pop("axis", None)
        refuse(options or len(rest) > 1 or not (axis is None or type(axis) is int), f"{name} with options")
        rank = len(value.shape)
        if rank == 0:
            if name in ("any", "all"):
                test: Batch = self.program.truth(value)
                return replace(test, kind="np")
            refuse(name not in ("sum", "mean", "max", "min", "prod"), f"{name} of a number")
            number: Batch = self.program.number(value, "np")
            return number
        refuse(rank > 1 and axis is not None, "an axis of a matrix")
        refuse(axis not in (None, 0, -1), "an axis that is not there")
        count = math.prod(value.shape)
        if rank > 1:
            value = self.program.emit(f"{value.text}.reshape({count}, n)", (count,), value.type, sign=value.sign)
        return self.reduce_vector(name, value, count)

    def reduce_vector(self, name: str, value: Batch, count: int) -> Batch:
        """A reduction, such as a sum, over the elements of a vector."""
        emit = self.program.emit
        if name in ("any", "all"):
            return emit(f"np.logical_{'or' if name == 'any' else 'and'}.reduce({value.text}, 0)", (), "b")
        if (value.type == "b" or value.limit * count < EXACT) and name in ("sum", "mean"):
            value = emit(f"{value.text}.astype(np.float64)", value.shape, sign=1)
        refuse(value.type != "f" or count > LONGEST_SUM, "a reduction of integers, or a long one")
        if name in ("max", "min", "prod"):
            function = {"max": "maximum", "min": "minimum", "prod": "multiply"}[name]
            sign = 0 if name == "prod" else value.sign
            return emit(f"np.{function}.reduce({value.text}, 0)", (), sign=sign)
        size = self.program.constant(np.array(float(count)))
        if name in ("std", "var"):
            mean = emit(f"{emit(f'total({value.text})', ()).text} / {size}", ())
            off = emit(f"{value.text} - {mean.text}", value.shape)
            value = emit(f"{off.text} * {off.text}", value.shape, sign=1)
        result = emit(f"total({value.text})", (), sign=value.sign)
        if name != "sum":
            result = emit(f"{result.text} / {size}", (), sign=min(value.sign, 1))
        return emit(f"np.sqrt({result.text})", (), sign=1) if name == "std" else result

    def _np_array(self, value: Any, dtype: Any = float) -> Any:
        array = self.array(value)
        refuse(dtype not in (float, np.float64) or describe(array).type != "f", "an array of integers")
        return array

    _np_asarray = _np_array

    def _np_float64(self, value: Any) -> Any:
        return self.program.number(value, "np")

    def _np_norm(self, value: Any, ord: Any = None, axis: Any = None) -> Batch:
        value = self.array(value)
        if value.type != "f" or len(value.shape) > 1 or axis not in (None, 0, -1) or ord not in (None, 1, 2, math.inf):
            raise Unsupported("the norm of a matrix")
        if not value.shape or axis is not None or ord in (1, math.inf):
            if value.shape and ord in (1, math.inf):
                size = self.program.elementwise("abs", [value], sign=1)
                return self.reduce_vector("sum" if ord == 1 else "max", size, value.shape[0])
            raise Unsupported("the norm of a number, or along an axis")
        return self.program.emit(f"norm({value.text})", (), sign=1)

    def _np_dot(self, left: Any, right: Any) -> Any:
        return self.program.dot(self.array(left), self.array(right))

    _np_inner = _np_vdot = _np_matmul = _np_dot

    def _np_clip(self, value: Any, low: Any = None, high: Any = None, **keywords: Any) -> Any:
        low, high = keywords.pop("a_min", low), keywords.pop("a_max", high)
        low, high = keywords.pop("min", low), keywords.pop("max", high)
        refuse(keywords or (low is None and high is None), "np.clip with options")
        value = self.array(value) if isinstance(value, (list, tuple)) else value
        for function, bound in (("maximum", low), ("minimum", high)):
            if bound is not None:
                bound = np.array(bound) if isinstance(bound, (list, tuple)) and not has_batch(bound) else bound
                value = self.elementwise(function, [value, bound], {})
        return value

    def _np_where(self, test: Any, yes: Any, no: Any) -> Any:
        yes, no = (self.array(value) if isinstance(value, (list, tuple)) else value for value in (yes, no))
        refuse(not isinstance(test, Batch) or test.type != "b", "np.where without a comparison")
        return self.program.where(test, yes, no, kind="0d")

    def _np_concatenate(self, parts: Any, axis: int = 0) -> Any:
        pieces = [piece for part in parts for piece in self.elements(part)]
        refuse(axis not in (0, -1) or any(describe(piece).shape for piece in pieces), "joining matrices")
        return self.array(pieces)

    _np_hstack = _np_concatenate

    # math

    def math(self, name: str, arguments: list[Any], active: str | None) -> Any:
        """``math.name(...)``."""
        function = getattr(math, name, None)
        if function is None:
            raise Unsupported(f"math.{name}")
        if not has_batch(arguments):
            return function(*arguments)
        values = [self.program.number(value, "py") for value in arguments]
        if name in ("isfinite", "isnan", "isinf") and len(values) == 1:
            return replace(self.elementwise(name, values, {}), kind="py")
        refuse(name not in MATH, f"math.{name}")
        sign = int(name in NOT_NEGATIVE)
        self.program.tells_zeros |= name in TELLING_ZEROS or name == "pow"
        if len(values) == 1 and name in TWINS and is_twin(name):
            result = self.program.emit(f"np.{TWINS[name]}({values[0].text})", (), "f", "py", sign)
            if name not in TOTAL:
                self.program.demand(f"finite({result.text}, {active})")
            return result
        text = ", ".join(self.program.operand(value) for value in values)
        rows = None if name in TOTAL else active
        return self.program.emit(f"each({self.program.constant(function)}, n, {rows}, {text})", (), "f", "py", sign)

    # Python

    def python(self, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> Any:
        """A builtin function."""
        function = self.builtins.get(name)
        if function is None or keywords:
            raise Unsupported(f"{name}()")
        return function(*arguments)

    def absolute(self, value: Any) -> Any:
        """``abs(value)``."""
        if not isinstance(value, Batch):
            return abs(value)
        refuse(value.type != "f", "abs of an integer")
        return replace(self.program.elementwise("abs", [value], sign=1), kind="np" if value.shape else value.kind)

    def integer(self, value: Any) -> Any:
        """``int(value)``."""
        if not isinstance(value, Batch):
            return int(value)
        refuse(value.type != "b" or value.shape, "rounding to an integer")
        return self.program.whole(replace(value, kind="py"))

    def extreme(self, name: str, *values: Any) -> Any:
        """Python's ``max`` or ``min``: of equal values the first counts, and NaN is neither larger nor smaller."""
        if len(values) == 1:
            values = tuple(self.elements(values[0]))
        return reduce(lambda best, value: self.better(name, best, value), values)

    def better(self, name: str, best: Any, value: Any) -> Any:
        """The greater or smaller of two numbers."""
        if not has_batch([best, value]):
            return (max if name == "max" else min)(best, value)
        ours = describe(best), describe(value)
        refuse(ours[0].shape or ours[1].shape, "comparing vectors")
        sign = (max if name == "max" else min)(ours[0].sign, ours[1].sign)
        plain = ours[0].type == "f" and ours[1].type != "b" and not isinstance(value, Batch) and not math.isnan(value)
        if plain and not (value == 0 and self.program.zeros_matter):
            kind = ours[0].kind if ours[0].kind == ours[1].kind else "?"
            text = f"np.{name}imum({self.program.operand(best)}, {self.program.operand(value, True)})"
            return self.program.emit(text, (), "f", kind, sign)
        test = self.program.compare(_GREATER if name == "max" else _LESS, value, best)
        result = self.program.where(test, value, best)
        # A comparison with NaN keeps the first value, so only what is known of both signs is certain for all rows.
        return replace(result, sign=min(ours[0].sign, ours[1].sign))

    def added(self, values: Any, start: Any = 0) -> Any:
        """``sum(values, start)``."""
        items = self.elements(values)
        if not has_batch(items):
            return sum(items, start)
        ours = [describe(item) for item in items]
        refuse(start != 0 or any(item.type != "f" and item.kind != "py" for item in ours), "a sum with a start")
        kinds = {item.kind for item in ours}
        if sys.version_info >= (3, 12) and kinds == {"py"}:
            # Since 3.12, Python corrects rounding errors when it sums its own floats.
            text = ", ".join(self.program.operand(item) for item in items)
            self.program.names["add_row"] = lambda *row: sum(row)
            return self.program.emit(f"each(add_row, n, None, {text})", (), "f", "py")
        refuse(sys.version_info >= (3, 12) and kinds != {"np"}, "a sum of numbers of Python and numpy")
        if self.program.zeros_matter or any(item.type != "f" for item in ours):
            items = [0, *items]
        return reduce(lambda left, right: self.program.binary(_ADD, left, right, None), items)

    def combined(self, symbol: str, values: Any) -> Any:
        """Whether any or all of the values are true."""
        tests = [self.program.truth(value) for value in self.elements(values)]
        fixed = [test for test in tests if not isinstance(test, Batch)]
        if (True in fixed) if symbol == "|" else (False in fixed):
            return symbol == "|"
        varying = [test.text for test in tests if isinstance(test, Batch)]
        return self.program.emit(f" {symbol} ".join(varying), (), "b", "py") if varying else symbol == "&"

    # Methods

    def method(self, value: Any, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> Any:
        """``value.name(...)`` of an array or a numpy number."""
        refuse(isinstance(value, Batch) and not value.shape and value.kind in MAYBE_PYTHON, "a method of a number")
        if name in REDUCTIONS or name in ("dot", "clip"):
            return self.numpy(name, [value, *arguments], keywords)
        if name == "copy" and not arguments and not keywords:
            return value
        if name in ("item", "tolist") and not arguments and not keywords and not describe(value).shape:
            return self.program.number(value, "py")
        if name == "astype" and arguments in ([float], [np.float64]) and not keywords:
            ours = describe(value)
            return value if ours.type == "f" else self.program.emit(f"{ours.text}.astype(np.float64)", ours.shape)
        raise Unsupported(f"the method {name}")


def _index_text(index: Any) -> str:
    if isinstance(index, tuple):
        return ", ".join(map(_index_text, index))
    if isinstance(index, slice):
        bounds = (index.start, index.stop, index.step)
        return ":".join("" if bound is None else str(operator.index(bound)) for bound in bounds)
    return str([int(part) for part in index] if isinstance(index, list) else int(index))


_ADD, _GREATER, _LESS = ast.Add(), ast.Gt(), ast.Lt()
