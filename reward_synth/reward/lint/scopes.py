"""Which names the lint knows in each function, and what they stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from reward_synth.reward.lint.allowed import ALIASES, ANNOTATION_MODULES
from reward_synth.state.view import EPISODE_ATTRIBUTES, Layout

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Declared:
    """What the code may read: the fields, and the objects that have them."""

    layout: Layout
    entry: str
    action_size: int | None

    @property
    def roots(self) -> tuple[str, ...]:
        """Parameters of the entry function that have fields."""
        return ("state", "next_state") if self.entry == "compute_reward" else ("episode",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...] | None]:
        """Shape of each field on a view; None where the lint does not know it."""
        if self.entry == "compute_reward":
            return dict(self.layout)
        return dict.fromkeys([*(name for name, _ in self.layout), *EPISODE_ATTRIBUTES])


@dataclass
class Scope:
    """The names of one function, or of the module."""

    names: set[str] = field(default_factory=set)
    """Everything that is bound in it or around it."""
    views: set[str] = field(default_factory=set)
    """Names that stand for a view with fields."""
    fields: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """Local names that stand for one field and nothing else: its text and shape."""
    norms: set[str] = field(default_factory=set)
    """Local names that stand for a norm."""
    values: dict[str, ast.expr] = field(default_factory=dict)
    """Local names that are bound once, and to what."""
    weights: frozenset[str] = frozenset()
    """Fields of refused classes, which are constants in disguise."""


@lru_cache(maxsize=32)
def walked(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes of a tree that no longer changes; walking it anew is what takes most of a lint's time."""
    return tuple(ast.walk(tree))


def import_aliases(tree: ast.AST) -> dict[str, str]:
    """Local name to ``np``, ``linalg`` or ``math`` for every import of one of these, anywhere."""
    aliases: dict[str, str] = {}
    for node in walked(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name in ALIASES:
                    aliases[name.asname or name.name] = ALIASES[name.name]
                elif name.name == "numpy.linalg":
                    aliases[name.asname or "numpy"] = "linalg" if name.asname else "np"
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy":
            for name in node.names:
                if name.name == "linalg":
                    aliases[name.asname or "linalg"] = "linalg"
    return aliases


def imported_functions(tree: ast.AST) -> dict[str, str]:
    """Local name to its own for every function or constant that is imported from numpy or ``math`` by name."""
    return {
        alias.asname or alias.name: alias.name
        for node in walked(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("numpy", "math")
        for alias in node.names
    }


def bound_names(tree: ast.AST) -> set[str]:
    """Every name that something inside the tree binds, its own name left out."""
    names: set[str] = set()
    for node in walked(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node is not tree:
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            annotations = isinstance(node, ast.ImportFrom) and node.module in ANNOTATION_MODULES
            if not annotations:
                names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    return names


def class_fields(tree: ast.Module) -> frozenset[str]:
    """Names that the bodies of classes give a value."""
    bodies = [statement for node in tree.body if isinstance(node, ast.ClassDef) for statement in node.body]
    return frozenset(name for s in bodies if isinstance(s, ast.Assign | ast.AnnAssign) for name in bound_names(s))


def module_names(tree: ast.Module) -> set[str]:
    """Names bound at the top level of the module."""
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, Function | ast.ClassDef):
            names.add(statement.name)
        else:
            names |= bound_names(statement)
    return names


def module_values(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that the module's own statements give a value, and to which the last binds them."""
    values: dict[str, ast.expr] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            values.update((target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            values[statement.target.id] = statement.value
    return values


def top_functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions at the top level, by name; of two with one name the last, which is the one that runs."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def parameters(function: Function) -> list[str]:
    """Names of all plain parameters in order."""
    arguments = function.args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def view_names(functions: dict[str, ast.FunctionDef], declared: Declared) -> dict[str, set[str]]:
    """Per function, the names that stand for a view: passed in by the entry function, or aliases."""
    views = {name: set(declared.roots) & set(parameters(node)) for name, node in functions.items()}
    for _ in range(len(functions) + 1):
        before = sum(map(len, views.values()))
        for name, node in functions.items():
            for alias, value in single_assignments(node).items():
                if isinstance(value, ast.Name) and value.id in views[name]:
                    views[name].add(alias)
            for callee, parameter in _passed_views(node, views[name], functions):
                views[callee].add(parameter)
        if sum(map(len, views.values())) == before:
            break
    return views


def _passed_views(
    caller: ast.FunctionDef, known: set[str], functions: dict[str, ast.FunctionDef]
) -> Iterator[tuple[str, str]]:
    for call in walked(caller):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in functions):
            continue
        for parameter, argument in zip(parameters(functions[call.func.id]), call.args, strict=False):
            if isinstance(argument, ast.Name) and argument.id in known:
                yield call.func.id, parameter
        for keyword in call.keywords:
            if keyword.arg and isinstance(keyword.value, ast.Name) and keyword.value.id in known:
                yield call.func.id, keyword.arg


@lru_cache(maxsize=32)
def single_assignments(function: ast.AST, augmented: bool = False) -> dict[str, ast.expr]:
    """Local names with exactly one binding, ``name = value``, and that value.

    :param augmented: True to take names that ``+=`` and its like change later as well.
    """
    values: dict[str, list[ast.expr | None]] = {}
    for node in walked(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
            _unpack(node.targets[0], node.value, values)
        elif isinstance(node, ast.arg):
            values.setdefault(node.arg, []).append(None)
    stores: dict[str, int] = {}
    changes = {id(n.target) for n in walked(function) if augmented and isinstance(n, ast.AugAssign)}
    for node in walked(function):
        if id(node) not in changes and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stores[node.id] = stores.get(node.id, 0) + 1
    return {
        name: found[0]
        for name, found in values.items()
        if len(found) == 1 and found[0] is not None and stores.get(name) == 1
    }


def _unpack(target: ast.Tuple, value: ast.expr, values: dict[str, list[ast.expr | None]]) -> None:
    if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
        for name, element in zip(target.elts, value.elts, strict=True):
            if isinstance(name, ast.Name):
                values.setdefault(name.id, []).append(element)


def is_norm(node: ast.expr, scope: Scope) -> bool:
    """True for ``np.linalg.norm(…)``, ``norm(…)`` and a local name that stands for one."""
    if isinstance(node, ast.Name):
        return node.id in scope.norms
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (isinstance(function, ast.Attribute) and function.attr == "norm") or (
        isinstance(function, ast.Name) and function.id == "norm"
    )


def function_scope(function: ast.FunctionDef, module: set[str], views: set[str], declared: Declared) -> Scope:
    """What the names in a top-level function stand for."""
    scope = Scope(names=module | bound_names(function), views=views)
    shapes = declared.shapes
    scope.values = single_assignments(function)
    scope.norms = {name for name, value in scope.values.items() if is_norm(value, scope)}
    # What += does to a field changes its value, not its shape.
    for name, value in single_assignments(function, augmented=True).items():
        if (
            isinstance(value, ast.Attribute)
            and isinstance(value.value, ast.Name)
            and value.value.id in views
            and shapes.get(value.attr) is not None
        ):
            shape = shapes[value.attr]
            assert shape is not None
            scope.fields[name] = (f"{value.value.id}.{value.attr}", shape)
    return scope
