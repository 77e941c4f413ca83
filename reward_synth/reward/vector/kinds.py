"""What is known about a value in reward code that is computed for a whole batch, and the operations on such values.

A :class:`Batch` stands for an array with one entry per row in its last axis. Every other value is a plain Python or
numpy constant. An operation on constants is done at once. An operation with a batch becomes a line of a
:class:`Program`. The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from reward_synth.reward.vector.numbers import dot, each, finite, norm, not_zero, power, stacked, total

Kind = Literal["py", "np", "?", "0d"]
"""Python's number (raises on a division by zero), numpy's number, one of both, or perhaps a 0-d array (mutable)."""
Shape = tuple[int, ...]
EXACT = 2**53
"""Floats represent all integers below this exactly."""
MOST_LINES = 400
MAYBE_PYTHON = ("py", "?", "0d")
"""Kinds that may lack the methods of a numpy number."""
TELLING_ZEROS = frozenset(
    ("atan2", "arctan2", "copysign", "signbit", "divide", "true_divide", "reciprocal", "heaviside", "power")
)
"""Functions whose result may differ between -0.0 and 0.0."""


class Unsupported(Exception):
    """It is not certain that the code can be computed for a whole batch."""


def refuse(applies: object, what: str) -> None:
    """Give up on the whole-batch form if this applies to the code."""
    if applies:
        raise Unsupported(what)


@dataclass(frozen=True)
class Batch:
    """A value that differs from row to row."""

    text: str
    """Its name in the program."""
    shape: Shape
    """Shape of one row; that of the array is ``(*shape, N)``."""
    type: Literal["f", "i", "b"]
    """Type of an element: float64, int64 or bool."""
    kind: Kind
    sign: int = 0
    """2: above zero or NaN, 1: not below zero, 0: unknown."""
    limit: float = math.inf
    """Largest absolute value of an integer."""


OPERATORS: dict[type[ast.AST], tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", operator.add), ast.Sub: ("-", operator.sub), ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv), ast.FloorDiv: ("//", operator.floordiv), ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow), ast.MatMult: ("@", operator.matmul),
    ast.BitAnd: ("&", operator.and_), ast.BitOr: ("|", operator.or_), ast.BitXor: ("^", operator.xor),
    ast.Lt: ("<", operator.lt), ast.LtE: ("<=", operator.le), ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge), ast.Eq: ("==", operator.eq), ast.NotEq: ("!=", operator.ne),
}  # fmt: skip
FUNCTIONS = (dot, each, finite, norm, not_zero, power, stacked, total)
TYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}


def has_batch(value: Any) -> bool:
    """True if a batch is in the value."""
    if isinstance(value, Mapping):
        return any(map(has_batch, value.values()))
    return isinstance(value, Batch) or (isinstance(value, (list, tuple)) and any(map(has_batch, value)))


def describe(value: Any) -> Batch:
    """A constant's shape, type and kind, as a batch without a name. A batch is returned as it is."""
    if isinstance(value, Batch):
        return value
    array = np.asarray(value) if isinstance(value, (bool, int, float, np.generic, np.ndarray)) else None
    if array is None or array.dtype not in TYPES.values() or not array.size:
        raise Unsupported(f"a constant of type {type(value).__name__}")
    limit = float(np.abs(array).max()) if array.dtype != np.float64 else math.inf
    refuse(limit > EXACT and limit != math.inf, "a large integer")
    lowest = float(array.min())
    kind: Kind = "py" if isinstance(value, (bool, int)) or type(value) is float else "np"
    name = {"f": "f", "i": "i", "b": "b"}[array.dtype.kind]
    return Batch("", array.shape, name, kind, 2 if lowest > 0 else int(lowest >= 0), limit)  # type: ignore[arg-type]


def joined(values: Sequence[Batch]) -> Kind:
    """The kind of the result of arithmetic on the values."""
    if any(value.shape for value in values) or any(value.kind == "np" for value in values):
        return "np"
    return "py" if all(value.kind == "py" for value in values) else "?"


def broadcast(values: Sequence[Batch]) -> Shape:
    """The shape of one row of an elementwise operation's result."""
    try:
        return np.broadcast_shapes(*(value.shape for value in values))
    except ValueError as error:
        raise Unsupported("shapes that do not fit") from error


class Program:
    """Lines of numpy code that compute a batch, in single-assignment form: equal expressions are computed once.

    :param zeros_matter: keep the sign of a zero in ``max`` and ``min`` as well, which costs time.
    """

    def __init__(self, zeros_matter: bool) -> None:
        self.lines: list[tuple[str, str]] = []
        self.known: dict[str, str] = {}
        self.names: dict[str, Any] = {"np": np, **{function.__name__: function for function in FUNCTIONS}}
        self.zeros_matter = zeros_matter
        self.tells_zeros = False
        """True if a result may depend on the sign of a zero."""

    def emit(
        self, text: str, shape: Shape, type_: str = "f", kind: Kind = "np", sign: int = 0, limit: float = math.inf
    ) -> Batch:
        """A value that is computed by this text."""
        if text not in self.known:
            refuse(len(self.lines) >= MOST_LINES, "a long computation")
            self.known[text] = f"v{len(self.lines)}"
            self.lines.append((self.known[text], text))
        return Batch(self.known[text], shape, type_, kind, sign, limit)  # type: ignore[arg-type]

    def demand(self, text: str) -> None:
        """Add a line that raises where the scalar form may raise."""
        if ("", text) not in self.lines:
            self.lines.append(("", text))

    def constant(self, value: Any) -> str:
        """The name under which the program has a constant."""
        key = f"{type(value).__name__} {getattr(value, 'dtype', '')} {np.shape(value)} {np.asarray(value).tolist()!r}"
        if key not in self.known:
            self.known[key] = f"c{len(self.names)}"
            self.names[self.known[key]] = value
        return self.known[key]

    def operand(self, value: Any, as_float: bool = False) -> str:
        """A batch's name, or that of a constant in a shape that broadcasts against batches."""
        if isinstance(value, Batch):
            return value.text
        describe(value)
        # With a 0-d array, numpy does not have to find out the type of the number.
        array = np.array(value, dtype=np.float64 if as_float else None)
        return self.constant(array[..., None] if array.ndim else array)

    def elementwise(self, function: str, values: Sequence[Any], type_: str = "f", sign: int = 0) -> Batch:
        """A numpy function of each element."""
        self.tells_zeros |= function in TELLING_ZEROS
        described = [describe(value) for value in values]
        text = ", ".join(self.operand(value) for value in values)
        return self.emit(f"np.{function}({text})", broadcast(described), type_, sign=sign)

    def function_text(self, values: Sequence[Any]) -> str:
        """Source of a function from states, actions and next states to an (N, K) array of these K values."""
        outputs = [f"out[:, {place}] = {self.operand(value, True)}" for place, value in enumerate(values)]
        lines = [*self.lines, ("", f"out = np.empty((n, {len(values)}))"), *(("", text) for text in outputs)]
        kept, needed = [], set[str]()
        for name, text in reversed(lines):
            # A call for each row is kept, because it may raise even if its value is not used.
            if not name or name in needed or text.startswith(("each(", "power(")):
                needed.update(re.findall(r"\bv\d+\b", text))
                kept.append(f"    {name} = {text}" if name else f"    {text}")
        head = ["def form(states, actions, next_states):", "    n = len(states)"]
        return "\n".join([*head, *reversed(kept), "    return out"])

    def truth(self, value: Any) -> Any:
        """What ``bool()`` says of the value: a bool, or a batch of them."""
        if not isinstance(value, Batch):
            return bool(value)
        refuse(value.shape, "the truth of a vector")
        if value.type == "b":
            return replace(value, kind="py")
        return self.emit(f"{value.text} != {self.constant(np.array(0.0))}", (), "b", "py")

    def both(self, active: str | None, test: Batch) -> str:
        """A name for the rows of ``active`` (None: all) in which ``test`` holds."""
        return test.text if active is None else self.emit(f"{active} & {test.text}", (), "b").text

    def opposite(self, test: Batch) -> Batch:
        """The rows in which the test fails."""
        return self.emit(f"~{test.text}", test.shape, "b", test.kind)

    def number(self, value: Any, kind: Kind) -> Any:
        """The value as a float: of Python for ``py``, else of numpy."""
        if not isinstance(value, Batch):
            return float(value) if kind == "py" else np.float64(value)
        refuse(value.shape, "a vector as a number")
        if value.type != "f":
            return self.emit(f"{value.text}.astype(np.float64)", (), "f", kind, value.sign)
        return replace(value, kind=kind)

    def where(self, test: Batch, yes: Any, no: Any, kind: Kind | None = None) -> Any:
        """``yes`` in the rows where the test holds, else ``no``. Without ``kind``, both must have the same shape."""
        ours = describe(yes), describe(no)
        refuse(kind is None and ours[0].shape != ours[1].shape, "values of different shapes")
        shape = broadcast((test, *ours)) if kind else ours[0].shape
        types: set[str] = {value.type for value in ours}
        floats = "f" in types
        kinds = {value.kind for value in ours}
        refuse(kind is None and "b" in types and types != {"b"}, "a number or a truth value")
        either: Kind = ours[0].kind if len(kinds) == 1 else "0d" if "0d" in kinds else "?"
        text = f"np.where({test.text}, {self.operand(yes, floats)}, {self.operand(no, floats)})"
        type_ = "f" if floats else "i" if "i" in types else "b"
        limit = max(value.limit for value in ours)
        result_kind = "np" if shape else kind or either
        return self.emit(text, shape, type_, result_kind, min(value.sign for value in ours), limit)

    def compare(self, op: ast.AST, left: Any, right: Any) -> Any:
        """One comparison."""
        refuse(type(op) not in OPERATORS, "a comparison that is none of numbers")
        symbol, function = OPERATORS[type(op)]
        if not (has_batch(left) or has_batch(right)):
            return function(left, right)
        ours = describe(left), describe(right)
        floats = "f" in (ours[0].type, ours[1].type)
        text = f"{self.operand(left, floats)} {symbol} {self.operand(right, floats)}"
        return self.emit(text, broadcast(ours), "b", joined(ours))

    def negative(self, value: Any) -> Any:
        """``-value``."""
        if not isinstance(value, Batch):
            return -value
        if value.type == "b":
            value = self.whole(value)
        return self.emit(f"-{value.text}", value.shape, value.type, joined([value]), limit=value.limit)

    def whole(self, value: Any) -> Any:
        """A Python bool as the int that it is in arithmetic."""
        if not isinstance(value, Batch) or value.type != "b":
            return value
        refuse(value.kind != "py", "arithmetic of numpy's truth values")
        return self.emit(f"{value.text}.astype(np.int64)", value.shape, "i", "py", 1, 1)

    def binary(self, op: ast.AST, left: Any, right: Any, active: str | None) -> Any:
        """``left op right``."""
        symbol, function = OPERATORS[type(op)]
        if not (has_batch(left) or has_batch(right)):
            return function(left, right)
        ours = describe(left), describe(right)
        if symbol in "&|^":
            refuse((ours[0].type, ours[1].type) != ("b", "b"), "bits of numbers")
            return self.emit(f"{self.operand(left)} {symbol} {self.operand(right)}", broadcast(ours), "b", joined(ours))
        if symbol == "**":
            return self.power(left, right, active)
        if symbol == "@":
            return self.dot(left, right)
        if "f" not in (ours[0].type, ours[1].type):
            left, right = self.integers(left, right)
            ours = describe(left), describe(right)
        if symbol in ("/", "//", "%"):
            self.guard_divisor(symbol, right, ours, active)
        return self.arithmetic(symbol, left, right, ours)

    def integers(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Both operands, converted so that numpy computes what Python computes with integers."""
        ours = describe(left), describe(right)
        refuse(ours[0].type == ours[1].type == "b" and joined(ours) != "py", "arithmetic of numpy's truth values")
        pair = [
            self.whole(value) if isinstance(value, Batch) and value.kind != "np" else value for value in (left, right)
        ]
        return pair[0], pair[1]

    def arithmetic(self, symbol: str, left: Any, right: Any, ours: tuple[Batch, Batch]) -> Batch:
        """A sum, difference, product or quotient."""
        floats = "f" in (ours[0].type, ours[1].type) or symbol == "/"
        limit = math.inf
        if not floats:
            limits = [1.0 if value.type == "b" else value.limit for value in ours]
            limit = limits[0] * limits[1] if symbol == "*" else limits[0] + limits[1]
            refuse(symbol not in "+-*" or not limit < EXACT, "arithmetic of integers")
        sign = 0
        lower, upper = sorted((ours[0].sign, ours[1].sign))
        if symbol == "+" and lower:
            sign = upper
        elif symbol in "*/" and (lower or (symbol == "*" and ours[0].text == ours[1].text != "")):
            sign = 1
        text = f"{self.operand(left, floats)} {symbol} {self.operand(right, floats)}"
        return self.emit(text, broadcast(ours), "f" if floats else "i", joined(ours), sign, limit)

    def guard_divisor(self, symbol: str, right: Any, ours: tuple[Batch, Batch], active: str | None) -> None:
        """Add a line that raises if a Python number is divided by zero."""
        if symbol != "/" and ours[0].type + ours[1].type != "ff" and isinstance(right, Batch):
            raise Unsupported("a remainder of integers")
        if joined(ours) == "np":
            self.tells_zeros |= isinstance(right, Batch) and right.sign != 2
            return
        if not isinstance(right, Batch):
            refuse(right == 0, "a division by zero")
        elif right.sign != 2:
            self.demand(f"not_zero({right.text}, {active})")

    def power(self, base: Any, exponent: Any, active: str | None) -> Batch:
        """``base ** exponent``."""
        ours = describe(base), describe(exponent)
        even = not isinstance(exponent, (Batch, np.ndarray)) and exponent % 2 == 0
        refuse(any(isinstance(value, Batch) and value.type != "f" for value in (base, exponent)), "a power of integers")
        self.tells_zeros |= not (isinstance(exponent, (int, float)) and exponent >= 0)
        if not (ours[0].shape or ours[1].shape or "0d" in (ours[0].kind, ours[1].kind)):
            if isinstance(base, Batch) and not isinstance(exponent, Batch):
                text = f"power({base.text}, {self.constant(float(exponent))}, {active})"
            else:
                text = f"each({self.constant(math.pow)}, n, {active}, {self.operand(base)}, {self.operand(exponent)})"
            return self.emit(text, (), "f", joined(ours), int(even))
        refuse(ours[1].shape or isinstance(exponent, Batch) or ours[0].kind == "0d", "a power of varying exponents")
        # For some exponents, numpy multiplies or takes a root, but only if the exponent is a number, as here.
        return self.emit(f"{self.operand(base)} ** {self.constant(exponent)}", ours[0].shape, sign=int(even))

    def dot(self, left: Any, right: Any) -> Batch:
        """The inner product of two vectors."""
        ours = describe(left), describe(right)
        if len(ours[0].shape) != 1 or ours[0].shape != ours[1].shape or ours[0].type + ours[1].type != "ff":
            raise Unsupported("a product of matrices")
        if not isinstance(left, Batch):
            left, right = right, left
        second = right.text if isinstance(right, Batch) else self.constant(np.array(right))
        return self.emit(f"dot({left.text}, {second})", (), sign=int(second == left.text))
