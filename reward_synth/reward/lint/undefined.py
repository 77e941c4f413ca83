"""The lint's rule about roots, logarithms and arc functions of values that may lie outside of their domain.

Each expression gets bounds, which follow from its text and from names that are bound once; no code runs. If the bounds
are not known, the rule is silent.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from reward_synth.reward.lint.allowed import words
from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import Declared, Scope, walked
from reward_synth.reward.lint.syntax import fold, text_of

INFINITY = math.inf
DEEPEST = 150
"""Levels of nested expressions, also those that names stand for; more would exhaust Python's stack."""


class Bounds(NamedTuple):
    """The interval in which a value, or each element of an array, lies."""

    low: float = -INFINITY
    high: float = INFINITY


Maybe = Bounds | None
"""None: it is not known whether the value is a number at all."""
ANY = Bounds()
NEEDS: dict[str, tuple[Bounds, str]] = {
    "sqrt": (Bounds(0.0), "np.sqrt(np.maximum({0}, 0.0))"),
    "log": (Bounds(5e-324), "np.log(np.maximum({0}, 1e-6))"),
    "log2": (Bounds(5e-324), "np.log2(np.maximum({0}, 1e-6))"),
    "log10": (Bounds(5e-324), "np.log10(np.maximum({0}, 1e-6))"),
    "log1p": (Bounds(-1.0 + 1e-16), "np.log1p(np.maximum({0}, 0.0))"),
    "arccos": (Bounds(-1.0, 1.0), "np.arccos(np.clip({0}, -1.0, 1.0))"),
    "arcsin": (Bounds(-1.0, 1.0), "np.arcsin(np.clip({0}, -1.0, 1.0))"),
    "acos": (Bounds(-1.0, 1.0), "math.acos(min(1.0, max(-1.0, {0})))"),
    "asin": (Bounds(-1.0, 1.0), "math.asin(min(1.0, max(-1.0, {0})))"),
}
"""Functions that raise or are not finite outside of an interval, and a form that always works."""


def _exponential(value: float) -> float:
    return math.exp(value) if value < 700.0 else INFINITY


def _size(low: float, high: float) -> Bounds:
    return Bounds(max(low, -high, 0.0), max(abs(low), abs(high)))


_FUNCTIONS: dict[str, Callable[[float, float], Bounds]] = {
    "exp": lambda low, high: Bounds(_exponential(low), _exponential(high)),
    "sqrt": lambda low, high: Bounds(math.sqrt(max(low, 0.0)), math.sqrt(max(high, 0.0))),
    "square": lambda low, high: _power(Bounds(low, high), Bounds(2.0, 2.0)),
    "negative": lambda low, high: Bounds(-high, -low),
    "log1p": lambda low, high: Bounds(0.0 if low >= 0.0 else -INFINITY),
    "sum": lambda low, high: Bounds(0.0 if low >= 0.0 else -INFINITY, 0.0 if high <= 0.0 else INFINITY),
    **dict.fromkeys(("abs", "fabs", "absolute"), _size),
    **dict.fromkeys(("tanh", "sin", "cos", "sign"), lambda low, high: Bounds(-1.0, 1.0)),
    **dict.fromkeys(("norm", "std", "var", "ptp", "hypot", "cosh"), lambda low, high: Bounds(0.0)),
    **dict.fromkeys(words("arctan arctan2 atan atan2"), lambda low, high: Bounds(-math.pi, math.pi)),
    **dict.fromkeys(words("add subtract multiply divide log log2 log10 tan sinh"), lambda low, high: ANY),
    **dict.fromkeys(
        words("array asarray copy float float64 ravel flatten mean max amax min amin median round"), Bounds
    ),
}
"""Functions from the bounds of the first argument to the bounds of the result."""
_EXTREMES = {"maximum": max, "fmax": max, "max": max, "minimum": min, "fmin": min, "min": min}


class Reader:
    """Finds the bounds of the expressions of one function.

    :param names: the values of the names that are bound once.
    :param imported: local name to original name of the functions that are imported by name.
    """

    def __init__(
        self, declared: Declared, scope: Scope, names: Mapping[str, ast.expr], imported: Mapping[str, str]
    ) -> None:
        self.declared, self.scope, self.names, self.imported = declared, scope, names, imported
        self._found: dict[int, Maybe] = {}
        self._depth = 0

    def check(self, tree: ast.AST, findings: Findings) -> None:
        """Report every call in the tree whose argument may lie outside of the function's domain."""
        for node in walked(tree):
            if isinstance(node, ast.Call) and node.args and (name := self._function(node)) in NEEDS:
                needed, form = NEEDS[name]
                value = self.bounds(node.args[0])
                if value is not None and not (value.low >= needed.low and value.high <= needed.high):
                    message = f"`{text_of(node)}` is not finite for some values"
                    fix = f"write `{form.format(text_of(node.args[0]))}`"
                    findings.add("may-be-undefined", message, fix, node.lineno)

    def bounds(self, node: ast.expr) -> Maybe:
        """Bounds of the expression's value."""
        if id(node) not in self._found:
            self._found[id(node)] = None  # The result for a name that stands for itself.
            self._depth += 1
            if self._depth < DEEPEST:
                self._found[id(node)] = self._read(node)
            self._depth -= 1
        return self._found[id(node)]

    def _function(self, node: ast.Call) -> str:
        """Name of the function or method of numpy, ``math`` or Python that is called; empty for the file's own."""
        match node.func:
            case ast.Attribute(attr=name):
                return name
            case ast.Name(id=name) if name in self.imported or name not in self.scope.names:
                return self.imported.get(name, name)
        return ""

    def _read(self, node: ast.expr) -> Maybe:
        constant = fold(node)
        if constant is not None:
            return Bounds(constant, constant)
        match node:
            case ast.Name(id=name) if name in self.names:
                return self.bounds(self.names[name])
            case ast.Name(id="action") if self.declared.entry == "compute_reward":
                return ANY
            case ast.Attribute() if self.scope.field_read(node) in dict(self.declared.layout):
                return ANY
            case ast.Subscript(value=owner):
                return self.bounds(owner)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.bounds(operand)
                return None if value is None else Bounds(-value.high, -value.low)
            case ast.BinOp():
                return self._operation(node)
            case ast.IfExp(body=yes, orelse=no):
                return _joined([self.bounds(yes), self.bounds(no)])
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return _joined([self.bounds(element) for element in elements])
            case ast.Call():
                return self._call(node)
        return None

    def _operation(self, node: ast.BinOp) -> Maybe:
        left, right = self.bounds(node.left), self.bounds(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Mult | ast.MatMult) and text_of(node.left) == text_of(node.right):
            return Bounds(0.0)
        low, high = _arithmetic(node.op, left, right)
        return ANY if math.isnan(low) or math.isnan(high) else Bounds(low, high)

    def _call(self, node: ast.Call) -> Maybe:
        name, method = self._function(node), isinstance(node.func, ast.Attribute)
        written = list(node.args)
        if isinstance(node.func, ast.Attribute) and self.bounds(node.func.value) is not None:
            written.insert(0, node.func.value)
        values = [self.bounds(argument) for argument in written]
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values) or any(word.arg == "axis" for word in node.keywords):
            return None
        first = known[0]
        if name in _EXTREMES and len(known) > 1 and not (method and name in ("max", "min")):
            choose = _EXTREMES[name]
            return Bounds(choose(value.low for value in known), choose(value.high for value in known))
        if name == "clip" and len(known) == 3:
            low, high = known[1].low, known[2].high
            return Bounds(min(max(low, first.low), high), max(min(high, first.high), low))
        if name in ("dot", "inner", "vdot") and len(known) == 2:
            return Bounds(0.0) if text_of(written[0]) == text_of(written[1]) else ANY
        return _FUNCTIONS[name](*first) if name in _FUNCTIONS else None


def _joined(parts: Sequence[Maybe]) -> Maybe:
    """Bounds that hold for all parts; None if those of one part are not known."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return Bounds(min(part.low for part in known), max(part.high for part in known))


def _arithmetic(operator: ast.operator, left: Bounds, right: Bounds) -> Bounds:
    (a, b), (c, d) = left, right
    if isinstance(operator, ast.Add):
        return Bounds(a + c, b + d)
    if isinstance(operator, ast.Sub):
        return Bounds(a - d, b - c)
    if isinstance(operator, ast.Mult):
        products = [0.0 if 0.0 in (x, y) else x * y for x in left for y in right]
        return Bounds(min(products), max(products))
    if isinstance(operator, ast.Div) and (c > 0.0 or d < 0.0):
        # Infinity over infinity counts as 0, because the divisor's finite bound already gives the largest ratio.
        ratios = [0.0 if math.isinf(x) and math.isinf(y) else x / y for x in left for y in right]
        return Bounds(min(ratios), max(ratios))
    return _power(left, right) if isinstance(operator, ast.Pow) else ANY


def _power(base: Bounds, exponent: Bounds) -> Bounds:
    """Bounds of a power. They are known if the base is not negative, or the exponent is an even number."""
    if exponent.low == exponent.high and exponent.low % 2.0 == 0.0:
        base = _size(*base)
    if base.low < 0.0:
        return ANY
    try:
        corners = [x**y for x in base for y in exponent]
    except (OverflowError, ZeroDivisionError):
        return Bounds(0.0)
    return Bounds(min(corners), max(corners))
