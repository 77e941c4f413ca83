"""Which expressions a task file may define fields with: arithmetic over the state, without side effects.

A task file may come from somebody else, and its expressions run in the simulator's process. So each expression is
checked before it runs: only parts on a list of what is allowed pass, and these can do nothing but compute.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import Self

from pydantic import Field, field_validator, model_validator

from reward_synth.core.syntax import parse
from reward_synth.core.types import Value

OBSERVATION = "observation"
"""Name of the newest observation in expressions; it is a flat float vector."""
INFO = "info"
"""Name of what the environment tells beside the observation."""
FUNCTIONS: dict[str, int] = {
    "abs": 1, "arccos": 1, "arcsin": 1, "arctan": 1, "array": 1, "ceil": 1, "cos": 1, "deg2rad": 1, "exp": 1,
    "floor": 1, "log": 1, "rad2deg": 1, "sign": 1, "sin": 1, "sqrt": 1, "square": 1, "tan": 1, "tanh": 1,
    "arctan2": 2, "cross": 2, "dot": 2, "hypot": 2, "max": 2, "maximum": 2, "mean": 2, "min": 2, "minimum": 2,
    "mod": 2, "prod": 2, "round": 2, "sum": 2, "clip": 3, "where": 3,
}  # fmt: skip
"""Functions of numpy, such as ``np.sin``, and the most arguments that each may have. numpy would write its result into
one argument more, and that could be the simulator's state."""
LINEAR_ALGEBRA = frozenset({"norm"})
"""Functions of ``np.linalg``."""
PARTS = frozenset({"actuator", "body", "geom", "joint", "sensor", "site", "tendon"})
"""MuJoCo's look-ups by name, such as ``data.body("ball").xpos``."""
CONSTANTS = frozenset({"pi"})
SUCCESS_KEYS = ("is_success", "success", "solved")
"""Under which keys of ``info`` environments tell that their own task is done. No reward may read it."""
LONGEST = 500
MOST_EXPONENTS = 20
"""Largest product of nested exponents. With it, an expression of this length computes no number that takes long."""

_OPERATIONS = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List, ast.Slice,
    ast.Subscript, ast.Load, ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)  # fmt: skip


class OwnField(Value):
    """A field that the spec itself names: elements of the observation, an expression over the state, or what the
    environment tells beside the observation."""

    index: int | tuple[int, ...] | None = None
    """Number of an element of the flat observation vector, counted from 0. Several numbers make a vector."""
    expression: str | None = None
    """Alternatively, a Python expression over ``observation`` and MuJoCo's ``model`` and ``data``, with functions of
    numpy: ``data.body("ball").xpos``. :func:`check_expression` allows arithmetic only."""
    info: str | None = Field(default=None, min_length=1, max_length=80)
    """Alternatively, a key of the ``info`` that reset and step return: ``goal``. What a reset told holds until a step
    tells it anew; what was never told is 0."""
    unit: str = Field(default="1", max_length=20)
    low: float | None = None
    """Smallest value; None takes the bound of the observation space, if there is one."""
    high: float | None = None
    doc: str = Field(default="", max_length=200)
    """Meaning and sign convention, in one sentence. Designers read it."""

    @property
    def indices(self) -> tuple[int, ...]:
        """The elements as a tuple, which is empty for an expression."""
        return self.index if isinstance(self.index, tuple) else () if self.index is None else (self.index,)

    @field_validator("unit", "doc")
    @classmethod
    def _on_one_line(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("must be on one line")
        return text

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.index, self.expression, self.info)) != 1:
            raise ValueError("must hold either 'index' or 'expression' or 'info'")
        if isinstance(self.index, tuple) and not self.index:
            raise ValueError("'index' must hold at least one number")
        if any(number < 0 for number in self.indices):
            raise ValueError("'index' counts from 0")
        if self.expression is not None and (fault := check_expression(self.expression)):
            raise ValueError(f"the expression cannot be used: {fault}")
        if (code := (self.expression or "").strip()) and not (reads_mujoco(code) or reads_observation(code)):
            raise ValueError(f"`{code}` reads nothing: read observation, model or data in it")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("'low' must be below 'high'")
        return self


def check_expression(text: str) -> str | None:
    """What is wrong with an expression over ``observation``, ``model``, ``data`` and ``np``; None if nothing is."""
    if len(text) > LONGEST:
        return f"it has more than {LONGEST} characters"
    try:
        tree = parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        return f"it is no Python expression ({getattr(error, 'msg', error)})"
    return next((fault for node in ast.walk(tree) if (fault := _fault(node) or _growth(node))), None)


def _growth(node: ast.AST) -> str | None:
    """What is wrong with an operation that could take all memory or time: `[0] * 10**9` is arithmetic too."""
    if not isinstance(node, ast.BinOp):
        return None
    if isinstance(node.op, ast.Pow):
        if not _is_small(node.right):
            return f"the exponent in `{ast.unparse(node)}` must be a number of at most 10"
        if _exponents(node) > MOST_EXPONENTS:
            return f"the exponents within each other in `{ast.unparse(node)}` multiply to more than {MOST_EXPONENTS}"
    if isinstance(node.op, ast.LShift):
        return f"`{ast.unparse(node)}` shifts bits"
    if isinstance(node.op, ast.Mult | ast.Mod) and (_may_repeat(node.left) or _may_repeat(node.right)):
        return f"`{ast.unparse(node)}` repeats a list or a text"
    return None


def _exponents(power: ast.AST) -> float:
    """Largest product of the exponents of nested powers."""
    most, waiting = 1.0, [(power, 1.0)]
    while waiting:
        node, product = waiting.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            value = node.right.value
            product *= max(1.0, abs(value)) if isinstance(value, int | float) else 1.0
        most = max(most, product)
        waiting += [(child, product) for child in ast.iter_child_nodes(node)]
    return most


def _may_repeat(node: ast.expr) -> bool:
    """True if the value may be a list, a tuple or a text, which a product repeats. A product with an array does not."""
    if isinstance(node, ast.IfExp):
        return _may_repeat(node.body) or _may_repeat(node.orelse)
    if isinstance(node, ast.BoolOp):
        return any(map(_may_repeat, node.values))
    if isinstance(node, ast.Subscript):
        return _may_repeat(node.value)
    if isinstance(node, ast.BinOp):
        return _may_repeat(node.left) and _may_repeat(node.right)
    return isinstance(node, ast.List | ast.Tuple) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _fault(node: ast.AST) -> str | None:
    if isinstance(node, _OPERATIONS) or (isinstance(node, ast.Constant) and isinstance(node.value, int | float | str)):
        return None
    if isinstance(node, ast.Name):
        known = node.id in ("observation", "model", "data", "np")
        return None if known else f"`{node.id}` is not known here; there are observation, model, data and np"
    if isinstance(node, ast.Attribute):
        return _attribute_fault(node)
    if isinstance(node, ast.Call):
        return _call_fault(node)
    if isinstance(node, ast.keyword):
        return None if node.arg == "axis" else "only `axis` may be given by name"
    return f"`{ast.unparse(node)}` is not allowed"


def _is_small(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and abs(node.value) <= 10


def _attribute_fault(node: ast.Attribute) -> str | None:
    text = ast.unparse(node)
    if node.attr.startswith("_"):
        return f"`{text}` is private"
    if isinstance(node.value, ast.Name) and node.value.id == "np":
        known = node.attr in FUNCTIONS or node.attr in CONSTANTS or node.attr == "linalg"
        return None if known else f"`{text}` is not among the functions allowed: {', '.join(sorted(FUNCTIONS))}"
    if ast.unparse(node.value) == "np.linalg":
        return None if node.attr in LINEAR_ALGEBRA else f"`{text}` is not allowed; np.linalg.norm is"
    # Only an array of the state, or of one of its parts, may be read. Reading from an array has no side effects.
    whole = isinstance(node.value, ast.Name) and node.value.id in ("model", "data")
    fault = f"`{text}` is neither a part of model or data nor a function of np"
    return None if whole or _is_part(node.value) else fault


def _is_part(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="model" | "data"), attr=part)):
            return part in PARTS
    return False


def _call_fault(node: ast.Call) -> str | None:
    text = ast.unparse(node.func)
    if text.startswith("np."):
        most = 2 if text[10:] in LINEAR_ALGEBRA else FUNCTIONS.get(text[3:])
        if most is None:
            return f"`{text}` is not allowed"
        return None if 1 <= len(node.args) <= most else f"`{text}` takes 1 to {most} arguments"
    if not _is_part(node):
        return f"`{text}(…)` is not allowed"
    named = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and not node.keywords
    return None if named else f"`{text}(…)` takes one name, in quotes"


def reads_observation(code: str) -> bool:
    """True if the expression reads the observation."""
    return OBSERVATION in _names(code)


def reads_info(code: str) -> bool:
    """True if the expression reads what the environment tells beside the observation."""
    return INFO in _names(code)


def reads_mujoco(code: str) -> bool:
    """True if the expression reads a MuJoCo model or its state."""
    return not _names(code).isdisjoint({"model", "data"})


@cache
def _names(code: str) -> frozenset[str]:
    """The names in an expression; empty for a field that a function reads.

    Every environment of a training asks for the same fields, and parsing 80 of them takes as long as 200 steps.
    """
    tree = ast.walk(parse(code, mode="eval")) if code else ()
    return frozenset(node.id for node in tree if isinstance(node, ast.Name))
