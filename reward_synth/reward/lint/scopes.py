"""Which names the lint knows in each function, and what they stand for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from reward_synth.core.names import EPISODE_ATTRIBUTES
from reward_synth.reward.lint.allowed import ALIASES, ANNOTATION_MODULES
from reward_synth.state.view import Layout

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
    values: dict[str, ast.expr] = field(default_factory=dict)
    """Local names that are bound exactly once, with their values."""
    shaped: dict[str, ast.expr] = field(default_factory=dict)
    """The same as ``values``, plus names that ``+=`` changes later, because that keeps the shape."""
    weights: frozenset[str] = frozenset()
    """Fields of refused classes, which are constants in disguise."""

    def field_read(self, node: ast.AST) -> str:
        """The attribute that the expression reads from a view; empty for any other expression."""
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in self.views:
                return name
        return ""


@lru_cache(maxsize=32)
def walked(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes of a tree, which must no longer change. They are cached: walking takes most of a lint's time."""
    return tuple(ast.walk(tree))


def import_aliases(tree: ast.AST) -> dict[str, str]:
    """Local name to ``np``, ``linalg`` or ``math`` for every import of one of these, anywhere."""
    aliases: dict[str, str] = {}
    for node in walked(tree):
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            match node, alias.name:
                case ast.Import(), name if name in ALIASES:
                    aliases[alias.asname or name] = ALIASES[name]
                case ast.Import(), "numpy.linalg":
                    aliases[alias.asname or "numpy"] = "linalg" if alias.asname else "np"
                case ast.ImportFrom(module="numpy"), "linalg":
                    aliases[alias.asname or "linalg"] = "linalg"
    return aliases


def imported_functions(tree: ast.AST) -> dict[str, str]:
    """Local name to original name for every function or constant imported from numpy or ``math`` by name."""
    return {
        alias.asname or alias.name: alias.name
        for node in walked(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("numpy", "math")
        for alias in node.names
    }


def bound_names(tree: ast.AST) -> set[str]:
    """Every name that is bound inside the tree; the name of the tree itself does not count."""
    names: set[str] = set()
    for node in walked(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if node is not tree:
                names.add(name)
            case ast.ImportFrom(module=module) if module in ANNOTATION_MODULES:
                pass
            case ast.Import(names=found) | ast.ImportFrom(names=found):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in found)
    return names


def class_fields(tree: ast.Module) -> frozenset[str]:
    """Names that get a value in the body of a class."""
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
    """Names that get a value at the top level of the module, each with its last value."""
    values: dict[str, ast.expr] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                values.update((target.id, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = value
    return values


def top_functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions at the top level, by name. Of two with the same name it is the last, which is the one that runs."""
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
    for callee, call in local_calls(caller, functions):
        given = [*zip(parameters(functions[callee]), call.args, strict=False)]
        for parameter, argument in (*given, *((keyword.arg, keyword.value) for keyword in call.keywords)):
            if parameter and isinstance(argument, ast.Name) and argument.id in known:
                yield callee, parameter


def local_calls(caller: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> Iterator[tuple[str, ast.Call]]:
    """The calls inside ``caller`` of functions of the file, each with the name of the called function."""
    for call in walked(caller):
        match call:
            case ast.Call(func=ast.Name(id=name)) if name in functions:
                yield name, call


@lru_cache(maxsize=32)
def single_assignments(function: ast.AST, augmented: bool = False) -> dict[str, ast.expr]:
    """Local names with exactly one binding, ``name = value``, and that value.

    :param augmented: True to include names that ``+=`` or a similar operator changes later.
    """
    values: dict[str, list[ast.expr | None]] = {}
    for node in walked(function):
        pairs: list[tuple[ast.expr, ast.expr]] = []
        match node:
            case ast.Assign(targets=[ast.Name() as only], value=value):
                pairs = [(only, value)]
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=parts)) if len(names) == len(parts):
                pairs = [*zip(names, parts, strict=True)]
            case ast.arg(arg=name):
                values.setdefault(name, []).append(None)
        for target, value in pairs:
            if isinstance(target, ast.Name):
                values.setdefault(target.id, []).append(value)
    changes = {id(n.target) for n in walked(function) if augmented and isinstance(n, ast.AugAssign)}
    written = [n for n in walked(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    stores = Counter(node.id for node in written if id(node) not in changes)
    return {
        name: found[0]
        for name, found in values.items()
        if len(found) == 1 and found[0] is not None and stores[name] == 1
    }


def is_norm(node: ast.expr, scope: Scope) -> bool:
    """True for ``np.linalg.norm(…)``, ``norm(…)`` and a local name that stands for one."""
    match scope.values.get(node.id) if isinstance(node, ast.Name) else node:
        case ast.Call(func=ast.Attribute(attr="norm") | ast.Name(id="norm")):
            return True
    return False


def function_scope(function: ast.FunctionDef, module: set[str], views: set[str]) -> Scope:
    """What the names in a top-level function stand for."""
    return Scope(
        names=module | bound_names(function),
        views=views,
        values=single_assignments(function),
        shaped=single_assignments(function, augmented=True),
    )
