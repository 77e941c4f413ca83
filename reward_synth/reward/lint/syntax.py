"""The lint's walk over the syntax tree: what a reward does not need, and what is too much work."""
# ruff: noqa: D102  (a visit method is named after what it visits)

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.reward.lint import allowed
from reward_synth.reward.lint.rules import Findings, cut
from reward_synth.reward.lint.scopes import Declared, Scope, is_norm
from reward_synth.reward.namespace import BUILTINS

_DUNDER = re.compile(r"(?<!\w)__\w+__")
LARGEST_NUMBER = 1e9
LONGEST_NAME = 60
MOST_GUESSES = 40
"""Each "did you mean" takes a fraction of a millisecond, and only a few of them are shown."""
LARGEST_RANGE = 10_000
LARGEST_ARRAY = 1_000
LARGEST_EXPONENT = 64
MADE = frozenset({"zeros", "ones", "full", "empty", "eye", "identity"})
"""Functions whose first argument is the size of the array that they make."""
_FOLDED: dict[type[ast.operator], Callable[[float, float], Any]] = {
    ast.Add: operator.add, ast.Mult: operator.mul, ast.Pow: operator.pow
}  # fmt: skip


def fold(node: ast.expr) -> float | None:
    """Value of a constant expression as a float (never as an int: 10**10**10 would take all memory)."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        try:
            return float(node.value)
        except OverflowError:
            return float("inf")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = fold(node.operand)
        return None if value is None else -value
    if not isinstance(node, ast.BinOp) or type(node.op) not in _FOLDED:
        return None
    left, right = fold(node.left), fold(node.right)
    if left is None or right is None:
        return None
    try:
        value = _FOLDED[type(node.op)](left, right)
    except (OverflowError, ZeroDivisionError):
        return float("inf")
    return value if isinstance(value, float) else None  # A root of a number below zero is complex.


def text_of(node: ast.AST, limit: int = 80) -> str:
    """Source text of a node, cut to ``limit`` characters."""
    return cut(ast.unparse(node), limit)


def operator_text(operator: ast.operator) -> str:
    """The symbol of an operator."""
    return text_of(ast.BinOp(ast.Name("a"), operator, ast.Name("b")))[2:-2]


def is_plain(node: ast.expr) -> bool:
    """True for a constant, or a tuple of them."""
    if isinstance(node, ast.Tuple):
        return all(map(is_plain, node.elts))
    return isinstance(node, ast.Constant) or fold(node) is not None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


class SyntaxWalker(ast.NodeVisitor):
    """Checks what does not depend on names: statements, imports, calls, and the size of loops and arrays.

    It recurses, so the caller must check the tree's depth first.
    """

    def __init__(
        self, declared: Declared, aliases: dict[str, str], module: set[str], scope: Scope, findings: Findings
    ) -> None:
        self.declared = declared
        self.shapes = declared.shapes
        self.aliases = aliases
        self.module = module
        self.scope = scope
        self.findings = findings
        self.own = module | scope.names
        self.guesses = 0

    def add(self, rule: str, node: ast.AST, message: str, fix: str | None = None) -> None:
        """Add a fault at the node. If ``fix`` is None, the rule's own fix is used."""
        self.findings.add(rule, message, fix, getattr(node, "lineno", None))

    def visit(self, node: ast.AST) -> None:
        """Refuse every kind of node that is not on the list."""
        if not isinstance(node, allowed.NODES):
            what, fix = allowed.REFUSED_NODES.get(type(node), (f"`{type(node).__name__}`", "write it without"))
            if isinstance(node, ast.ClassDef) and node.end_lineno is not None:
                fix = f"delete lines {node.lineno} to {node.end_lineno}: {fix.partition('; ')[2]}"
            self.add("refused-syntax", node, f"{what} is not available in a reward", fix)
            return
        super().visit(node)

    # Statements

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            self.add("refused-syntax", decorator, "a decorator is not available in a reward", "delete it")
        self._defaults(node.args)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self._annotation(argument.annotation)
        self._annotation(node.returns)
        for statement in node.body:
            self.visit(statement)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        self.visit(node.body)

    def _annotation(self, node: ast.expr | None) -> None:
        """Allow plain types only. Annotations are never evaluated here, but they are if somebody imports the file."""
        strange = [] if node is None else [part for part in ast.walk(node) if not isinstance(part, allowed.TYPE_NODES)]
        if node is not None and strange:
            self.add("annotation", node, f"`{text_of(node)}` is not a plain type")

    def _defaults(self, arguments: ast.arguments) -> None:
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None and not is_plain(default):
                self.add("default-value", default, f"the default `{text_of(default)}` is not a constant")
        for star in (arguments.vararg, arguments.kwarg):
            if star is not None:
                self.add("refused-syntax", star, f"`*{star.arg}` parameters", "name each parameter")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # A docstring may say anything.
            self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in ("numpy", "math", "numpy.linalg", *allowed.ANNOTATION_MODULES):
                self.add("refused-import", node, f"`{alias.name}` cannot be imported")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if module in allowed.ANNOTATION_MODULES:
            return
        known = {"numpy": allowed.NUMPY, "math": allowed.MATH, "numpy.linalg": allowed.LINALG}.get(module)
        if known is None or node.level:
            self.add("refused-import", node, f"`{module}` cannot be imported")
            return
        for alias in node.names:
            if alias.name not in known:
                self.unknown_function(node, module, alias.name, known)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            call = item.context_expr
            function = text_of(call.func) if isinstance(call, ast.Call) and not call.args else ""
            if item.optional_vars is not None or function not in ("np.errstate", "numpy.errstate", "errstate"):
                self.add("refused-syntax", node, "`with` is not available in a reward", "write it without")
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.add(
                "refused-syntax",
                node,
                f"`as {node.name}` is not available",
                f"write `except {text_of(node.type) if node.type else 'ValueError'}:`",
            )
        if node.type is None:
            self.add("bare-except", node, "`except:` hides every fault")
        self.generic_visit(node)

    # Expressions

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes | complex):
            self.add("refused-syntax", node, f"`{text_of(node)}` is not available", "use a float")
        if isinstance(node.value, str) and _DUNDER.search(node.value):
            self.add("refused-name", node, f"the text {text_of(node)} is not available", "use a plain text")
        value = fold(node)
        if value is not None and abs(value) > LARGEST_NUMBER:
            self.add("too-much-work", node, f"the number {text_of(node)} is too large", "use one below 1e9")

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if node.format_spec is not None or node.conversion not in (-1, 115):
            self.add("refused-syntax", node, "a format in an f-string is not available", "write `{x}` alone")
        self.visit(node.value)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.LShift | ast.RShift):
            self.add("refused-syntax", node, "a bit shift is not available", "multiply or divide")
        if isinstance(node.op, ast.Mult):
            self._repetition(node)
        if isinstance(node.op, ast.Mod) and _is_text(node.left):
            self.add("refused-syntax", node, "`%` on a text is not available", "use a plain string in quotes")
        if isinstance(node.op, ast.Pow):
            exponent = fold(node.right)
            if exponent is not None and abs(exponent) > LARGEST_EXPONENT:
                self.add("too-much-work", node, f"the exponent {text_of(node.right)} is too large", "use 2 or 3")
        if isinstance(node.op, ast.Div) and is_norm(node.right, self.scope):
            divisor = text_of(node.right)
            self.add(
                "division-by-norm",
                node,
                f"`{divisor}` is zero when nothing moves",
                f"divide by `({divisor} + 1e-6)`",
            )
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        own = isinstance(function, ast.Name) and function.id in self.own
        for keyword in node.keywords:
            self._keyword(node, keyword, own)
        if isinstance(function, ast.Attribute):
            self._call_of_attribute(function, node)
        self._positions(node, function)
        self._size(node)
        self.generic_visit(node)

    def _keyword(self, node: ast.Call, keyword: ast.keyword, own: bool) -> None:
        name = keyword.arg
        if name is None:
            self.add("refused-syntax", node, "`**` in a call is not available", "write each keyword")
        elif name in allowed.REFUSED_KEYWORDS and not own:
            constant = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if not (name in ("copy", "subok") and constant is True):
                self.add(
                    "refused-keyword", node, f"`{name}=` in a call is not available", allowed.REFUSED_KEYWORDS[name]
                )
        elif name == "dtype" and not own and not self._is_number_type(keyword.value):
            text = text_of(keyword.value)
            self.add("refused-keyword", node, f"`dtype={text}` is not available", "write `dtype=float`")

    @staticmethod
    def _is_number_type(node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return node.value is None or str(node.value).startswith(("float", "int", "bool", "f", "i", "b", "d"))
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        return name in allowed.NUMBER_TYPES

    def _positions(self, node: ast.Call, function: ast.expr) -> None:
        """Refuse an `out` that is given by its position: `np.add(a, b, action)` writes into the action."""
        positions = allowed.OUT_POSITION
        match function:
            case ast.Name(id=name) if name not in self.own and name not in BUILTINS:
                pass
            case ast.Attribute(attr=name, value=ast.Attribute(attr="linalg")):
                pass
            case ast.Attribute(attr=name, value=ast.Name(id=owner)) if owner in self.aliases:
                if self.aliases[owner] != "np":
                    return
            case ast.Attribute(attr=name):
                positions = allowed.METHOD_OUT_POSITION
            case _:
                return
        most = positions.get(name, 99)
        if len(node.args) > most or (most < 99 and any(isinstance(a, ast.Starred) for a in node.args[: most + 1])):
            what = f"`{text_of(node)}`: argument {most + 1} of `{name}` is the array that it writes into"
            self.add("refused-keyword", node, what, f"give `{name}` at most {most} argument{'s'[: most != 1]}")

    def _size(self, node: ast.Call) -> None:
        """Refuse a loop or an array whose size is a constant that is too large."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in self.own or not node.args:
            return
        first = node.args[0]
        sizes = [fold(part) or 0.0 for part in (first.elts if isinstance(first, ast.Tuple) else [first])]
        if name == "range" and len(node.args) == 1 and sizes[0] > LARGEST_RANGE:
            self.add("too-much-work", node, f"`{text_of(node)}` is too long a loop", "use numpy on the whole array")
        elif name in MADE and max(sizes, default=0.0) > LARGEST_ARRAY:
            self.add("too-much-work", node, f"`{text_of(node)}` is too large an array", "use a small one")

    def _repetition(self, node: ast.BinOp) -> None:
        """Refuse a list or text that is repeated too often."""
        for what, times in ((node.left, node.right), (node.right, node.left)):
            repeated = isinstance(what, ast.List | ast.Tuple) or _is_text(what)
            if repeated and (fold(times) or 0.0) > LARGEST_ARRAY:
                self.add("too-much-work", node, f"`{text_of(node)}` repeats a list", "use `np.zeros(n)`")

    def _call_of_attribute(self, function: ast.Attribute, node: ast.Call) -> None:
        owner = function.value
        if isinstance(owner, ast.Name) and owner.id in self.scope.views and function.attr in self.shapes:
            text = text_of(function)
            self.add("unknown-attribute", node, f"`{text}` is a value, not a function", f"write `{text}`")
        if function.attr == "astype" and node.args and not self._is_number_type(node.args[0]):
            self.add("refused-keyword", node, f"`{text_of(node)}`: not a type of numbers", "write `.astype(float)`")
        if function.attr == "ndarray" and isinstance(owner, ast.Name) and owner.id in self.aliases:
            self.add("unknown-function", node, "`np.ndarray(...)` is memory that nobody wrote", "use `np.zeros`")

    def guess(self, name: str, known: frozenset[str] | set[str]) -> list[str]:
        """The nearest known names; empty for an overlong name, and after :data:`MOST_GUESSES` guesses."""
        self.guesses += 1
        return nearest(name, sorted(known)) if self.guesses <= MOST_GUESSES and len(name) <= LONGEST_NAME else []

    def unknown_function(self, node: ast.AST, module: str, name: str, known: frozenset[str]) -> None:
        """Report a function of numpy or math that is not on the list."""
        fix = allowed.REFUSED_NUMPY.get(name, "")
        guess = self.guess(name, known)
        if not fix and name in allowed.LINALG and known is not allowed.LINALG:
            fix = f"use `np.linalg.{name}`"
        if not fix and name in allowed.NUMPY:
            fix = f"use `np.{name}`"
        if not fix:
            meant = [f"{module}.{each}" for each in guess]
            fix = did_you_mean(meant, "write it out with + - * / and `np.abs`", quote="`")
        self.add("unknown-function", node, f"`{module}.{name}` is not available", fix)
