"""Finds the direction in which each reward term pushes a field, from the code and without running it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping

from reward_synth.reward.source import parse_python

Direction = int | None
"""1 if the term grows with the field, -1 if it shrinks, 0 if it does not depend on it, None if that is unknown."""

_INCREASING = frozenset({"tanh", "clip", "exp", "arctan", "atan", "float", "sqrt", "log1p"})
_INCREASING_IN_ALL = frozenset({"min", "max", "minimum", "maximum"})


def term_directions(source: str, field: str) -> dict[str, Direction]:
    """The direction in which each term of ``compute_reward`` pushes ``next_state.<field>``.

    :param field: a name, or an element of a vector as code writes it (``offset[0]``).
    :returns: directions by term; empty if the code does not end in ``return {…}``.
    """
    tree = parse_python(source)
    if tree is None:
        return {}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "compute_reward"]
    if not functions:
        return {}
    names = _assigned([*tree.body, *functions[-1].body])
    returned = [node.value for node in ast.walk(functions[-1]) if isinstance(node, ast.Return)]
    if len(returned) != 1 or not isinstance(returned[0], ast.Dict):
        return {}
    reader = _Reader(f"next_state.{field}", names)
    return {
        str(key.value): reader.direction(value)
        for key, value in zip(returned[0].keys, returned[0].values, strict=True)
        if isinstance(key, ast.Constant)
    }


def _assigned(statements: list[ast.stmt]) -> dict[str, ast.expr | None]:
    """The value of each name; None for a name that is not assigned exactly once by straight-line code."""
    found: dict[str, ast.expr | None] = {}
    stores: Counter[str] = Counter()
    for statement in statements:
        if isinstance(statement, ast.FunctionDef):
            continue
        stores.update(n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = statement.value
    return {name: found.get(name) if count == 1 else None for name, count in stores.items()}


class _Reader:
    def __init__(self, target: str, names: Mapping[str, ast.expr | None]) -> None:
        self.target = target
        self.field = target.partition(".")[2].partition("[")[0]
        self.names = names

    def direction(self, node: ast.expr, depth: int = 0) -> Direction:
        if depth > 50:
            return None
        if isinstance(node, ast.Name):
            return self.name(node.id, depth + 1)
        if isinstance(node, ast.Attribute | ast.Subscript):
            return self.access(node, depth + 1)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _turned(self.direction(node.operand, depth + 1), -1)
        if isinstance(node, ast.BinOp):
            return self.operation(node, depth + 1)
        if isinstance(node, ast.Call):
            return self.call(node, depth + 1)
        return self.unknown(ast.iter_child_nodes(node), depth + 1)

    def name(self, name: str, depth: int) -> Direction:
        if name in self.names:
            value = self.names[name]
            return None if value is None else self.direction(value, depth)
        # A helper that receives the whole state may depend on the field in any way.
        return None if name == "next_state" else 0

    def access(self, node: ast.Attribute | ast.Subscript, depth: int) -> Direction:
        if ast.unparse(node) == self.target:
            return 1
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "next_state":
            return None if node.attr == self.field else 0
        element = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and "[" in self.target
        if element and ast.unparse(node.value) == f"next_state.{self.field}":
            return 0
        return self.unknown(ast.iter_child_nodes(node), depth)

    def operation(self, node: ast.BinOp, depth: int) -> Direction:
        left, right = self.direction(node.left, depth), self.direction(node.right, depth)
        if isinstance(node.op, ast.Add):
            return _together(left, right)
        if isinstance(node.op, ast.Sub):
            return _together(left, _turned(right, -1))
        if left == right == 0:
            return 0
        factor = self.constant(node.right if right == 0 else node.left)
        if factor and isinstance(node.op, ast.Mult) and 0 in (left, right):
            return _turned(left if right == 0 else right, factor)
        if factor and isinstance(node.op, ast.Div) and right == 0:
            return _turned(left, factor)
        return None

    def call(self, node: ast.Call, depth: int) -> Direction:
        name = ast.unparse(node.func).split(".")[-1]
        if name in _INCREASING_IN_ALL:
            found: Direction = 0
            for argument in node.args:
                found = _together(found, self.direction(argument, depth))
            return found
        if name in _INCREASING and node.args and self.unknown(node.args[1:], depth) == 0:
            return self.direction(node.args[0], depth)
        return self.unknown(node.args, depth)

    def unknown(self, nodes: Iterable[ast.AST], depth: int) -> Direction:
        """0 if none of the nodes depends on the field, else None."""
        parts = [node for node in nodes if isinstance(node, ast.expr)]
        return 0 if all(self.direction(part, depth) == 0 for part in parts) else None

    def constant(self, node: ast.expr, depth: int = 0) -> float | None:
        """The value of a literal, or of a name that holds one."""
        value = self.names.get(node.id) if isinstance(node, ast.Name) else None
        if value is not None and depth < 10:
            return self.constant(value, depth + 1)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = self.constant(node.operand, depth)
            return None if number is None else -number
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        return None


def _turned(direction: Direction, factor: float) -> Direction:
    return direction if not direction or factor > 0 else -direction


def _together(one: Direction, other: Direction) -> Direction:
    if one == 0 or other == 0:
        return other if one == 0 else one
    return one if one == other else None
