"""Turns the fields' expressions into functions that read the live simulator.

An expression is this package's own text, made from the compiled model, or one that ``expressions.py`` has checked.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Container, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.syntax import parse
from reward_synth.state.expressions import INFO, OBSERVATION, reads_mujoco, reads_observation
from reward_synth.state.gather import Gather, spanned

if TYPE_CHECKING:
    import gymnasium

VECTORS = frozenset({"actuator_force", "ctrl", "qpos", "qvel", "sensordata"})
MATRICES = frozenset({
    "cfrc_ext", "cvel", "geom_xmat", "geom_xpos", "site_xpos", "subtree_com", "subtree_linvel", "xmat", "xpos", "xquat",
})  # fmt: skip
STATIC_ARRAYS = VECTORS | MATRICES
"""Arrays of MjData whose address never changes, so that a view of them can be bound once.
Contacts and constraints are left out, because their address changes at every step."""

TOUCHING_GEOMS = "data.contact.geom.ravel().tolist()"
"""Expression of the geom numbers of all contacts, exactly as the contact fields contain it."""


def read_code(code: str, shape: tuple[int, ...], env: Any) -> Any:
    """One field's present value: a float for the shape ``()``, otherwise a new float64 array.

    :param code: an expression over ``model``, ``data``, ``mujoco`` and ``np``. One over ``observation`` needs
        :func:`compile_row_reader`, because an environment does not keep its last observation.
    """
    import mujoco

    base = env.unwrapped
    value = eval(code, {"model": base.model, "data": base.data, "mujoco": mujoco, "np": np})
    return float(value) if shape == () else np.array(value, dtype=np.float64).reshape(shape)


RowReader = Callable[..., FloatArray]
"""Takes the newest observation and info, if any field reads them, and returns a new row."""


def compile_row_reader(
    fields: Sequence[tuple[str, tuple[int, ...], Callable[[Any], Any]]], env: gymnasium.Env[Any, Any]
) -> RowReader:
    """One function that reads all fields into a new row.

    It is called with the newest observation as a flat vector. Without one, as before the first reset, the fields
    that are read from the observation are 0.

    Where many fields are read, most of them are gathered together; see :class:`Gather`. Otherwise rows and slices of
    arrays that do not move are bound once, as views. What several fields share (a simulator call for whole-body
    velocities, the list of contacts) is computed once per row.

    :param fields: (code, shape, reader) of each; the reader is used if ``code`` is empty.
    :param env: live environment. If it replaces its MjData object, the reader raises :class:`StateReplaced` instead of
        reading an old state. Gymnasium's own environments keep theirs.
    """
    base: Any = env.unwrapped
    columns = tuple((code, shape) for code, shape, _ in fields)
    scope: dict[str, Any] = {
        "np": np,
        "NOTHING": None,
        "UNTOLD": {},
        "StateReplaced": StateReplaced,
        "spanned": spanned,
    }
    if any(reads_observation(code) for code, _ in columns):
        from gymnasium.spaces import flatdim

        scope["NOTHING"] = np.zeros(flatdim(env.observation_space))
    sizes: tuple[int, ...] = ()
    if any(reads_mujoco(code) for code, _ in columns):
        import mujoco

        scope["mujoco"] = mujoco
        sizes = tuple(getattr(base.data, name).size for name in sorted(STATIC_ARRAYS))
    # A training has dozens of equal environments. The text is made and compiled for the first one only.
    key = (columns, sizes)
    if key not in _compiled:
        _compiled[key] = compile(_source(columns, base), "<field reader>", "exec")
    exec(_compiled[key], scope)
    reader: RowReader = scope["bind"](base, [read for _, _, read in fields])
    return reader


class StateReplaced(RuntimeError):
    """The environment holds another MjData than the one that a reader was made for."""


def same_layout(one: Any, other: Any) -> bool:
    """True if a reader's text fits both models: the same parts, in the same order, with the same names."""
    parts = ("jnt_type", "jnt_bodyid", "body_parentid", "geom_bodyid", "site_bodyid", "sensor_adr", "actuator_trnid")
    sizes = ("nq", "nv", "nu", "na", "nbody", "njnt", "ngeom", "nsite", "ntendon", "nsensordata", "nmocap")
    return (
        all(getattr(one, name) == getattr(other, name) for name in sizes)
        and one.names == other.names
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in parts)
    )


_compiled: dict[tuple[tuple[tuple[str, tuple[int, ...]], ...], tuple[int, ...]], CodeType] = {}
"""Compiled readers. The key is all that their text depends on: code and columns of fields, and sizes of arrays."""


def _source(columns: Sequence[tuple[str, tuple[int, ...]]], base: Any) -> str:
    """Text of a function ``bind(env, readers)`` that returns the reader of one environment."""
    reads = any(reads_mujoco(code) for code, _ in columns)
    sharing, gather = _Sharing(), Gather(base.data if reads else None, STATIC_ARRAYS if reads else ())
    fields: list[tuple[int, tuple[int, ...], ast.expr | None]] = []
    width = 0
    for code, shape in columns:
        size = math.prod(shape)
        expression = sharing.open_call(parse(code, mode="eval").body) if code else None
        if expression is not None:
            gather.offer(expression, width, size)
        fields.append((width, shape, expression))
        width += size
    gathered, lines = gather.chosen(), []
    for index, (column, shape, expression) in enumerate(fields):
        if expression is None:
            lines.append(f"{_target(column, shape)} = readers[{index}](env)")
        else:
            lines += _assignments(sharing, expression, column, shape, gathered)
    bind, make = gather.statements(gathered, width)
    guard: list[str] = []
    if reads:
        once, listed = sharing.bindings(base)
        bind, make = [*once, *bind], [*listed, *make]
        guard = [
            "if env.data is not data: raise StateReplaced('the environment replaced its MjData; make a new reader')"
        ]
    body = [*guard, *sharing.statements, *make, *lines, "return row"]
    body = [f"def read({OBSERVATION}=NOTHING, {INFO}=UNTOLD):", *(f"    {line}" for line in body)]
    return "\n    ".join(["def bind(env, readers):", *bind, *body, "return read"])


def _target(column: int, shape: tuple[int, ...]) -> str:
    return f"row[{column}:{column + math.prod(shape)}]" if shape else f"row[{column}]"


def _assignments(
    sharing: _Sharing, expression: ast.expr, column: int, shape: tuple[int, ...], gathered: Container[int]
) -> list[str]:
    """The statements that write one field, except for columns that are gathered.

    A tuple is written element by element, which is faster than a slice.
    """
    if isinstance(expression, ast.Tuple):
        elements = [(column + i, element) for i, element in enumerate(expression.elts) if column + i not in gathered]
        return [f"row[{place}] = {ast.unparse(sharing.rewrite(element))}" for place, element in elements]
    if column in gathered:
        return []
    return [f"{_target(column, shape)} = {ast.unparse(sharing.rewrite(expression))}"]


class _Sharing(ast.NodeTransformer):
    """Moves parts that are the same at every step, or shared between fields, out of the expressions."""

    def __init__(self) -> None:
        self.bound: dict[str, str] = {}
        """Expression of an array or view → name under which it is bound once."""
        self.reads: Counter[str] = Counter()
        """Bound name → how many single elements of it are read per row."""
        self.statements: list[str] = []
        """Statements that run once per row, before any field is read."""

    def rewrite(self, node: ast.expr) -> ast.expr:
        """The expression with bound names for its constant parts."""
        rewritten = self.visit(node)
        assert isinstance(rewritten, ast.expr)
        return rewritten

    def bindings(self, env: Any) -> tuple[list[str], list[str]]:
        """Statements that run once, and statements that convert arrays with many reads to lists for each row.

        Reading an element of an array costs about 40 ns more than one of a list, and arithmetic with Python's
        floats is several times faster. Making the list costs about 60 ns, and 12 ns more for each element.
        """
        names = {"data": env.data, "np": np}
        once, per_row = ["model = env.model", "data = env.data"], []
        for code, name in self.bound.items():
            once.append(f"{name} = {code}")
            if not self.reads[name]:
                continue
            if 40 * self.reads[name] > 60 + 12 * eval(code, names).size:
                per_row.append(f"items_{name} = {name}.tolist()")
            else:
                once.append(f"items_{name} = {name}")
        return once, per_row

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Replace an element of an array that is bound, or a slice or row (``data.xpos[3]``) that becomes a view."""
        inner = node.value.value if isinstance(node.value, ast.Subscript) else node.value
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
            if _array_of(node.value) in VECTORS or (inner is not node.value and _array_of(inner) in MATRICES):
                name = self._bind(node.value)
                self.reads[name] += 1
                return ast.Subscript(ast.Name(f"items_{name}", ast.Load()), node.slice, ast.Load())
            if _array_of(node.value) in MATRICES:
                return ast.Name(self._bind(node), ast.Load())
        if isinstance(node.slice, ast.Slice) and _array_of(inner) in STATIC_ARRAYS:
            return ast.Name(self._bind(node), ast.Load())
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace a whole array."""
        return ast.Name(self._bind(node), ast.Load()) if _array_of(node) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Compute the list of touching geoms once per row, however many fields read it."""
        if ast.unparse(node) == TOUCHING_GEOMS:
            self._once_per_row(f"touching = {TOUCHING_GEOMS}")
            return ast.Name("touching", ast.Load())
        return self.generic_visit(node)

    def open_call(self, node: ast.expr) -> ast.expr:
        """Split ``(mujoco.mj_f(model, data), value)[1]`` into a statement that runs once per row, and ``value``."""
        match node:
            case ast.Subscript(value=ast.Tuple(elts=[ast.Call() as call, value]), slice=ast.Constant(value=1)):
                self._once_per_row(ast.unparse(call))
                return value
        return node

    def _once_per_row(self, statement: str) -> None:
        if statement not in self.statements:
            self.statements.append(statement)

    def _bind(self, node: ast.expr) -> str:
        return self.bound.setdefault(ast.unparse(node), f"array_{len(self.bound)}")


def _array_of(node: ast.expr) -> str:
    """``qpos`` for the expression ``data.qpos``; empty for any other expression."""
    match node:
        case ast.Attribute(value=ast.Name(id="data"), attr=array) if array in STATIC_ARRAYS:
            return array
    return ""
