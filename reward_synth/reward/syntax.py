"""The lint's walk over the syntax tree: what a reward does not need, and what is too much work."""
# ruff: noqa: D102  (a visit method is named after what it visits)

from __future__ import annotations

import ast
import difflib

from reward_synth.reward.allowed import ANNOTATION_MODULES, LINALG, MATH, NUMPY, REFUSED_NUMPY, SIZED
from reward_synth.reward.rules import Findings
from reward_synth.reward.scopes import Declared, Scope, is_norm

ALLOWED_NODES = (
    ast.Module, ast.Expression, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign,
    ast.AugAssign, ast.AnnAssign, ast.For, ast.If, ast.Expr, ast.Pass, ast.Break, ast.Continue,
    ast.Import, ast.ImportFrom, ast.alias, ast.Try, ast.ExceptHandler, ast.With, ast.withitem,
    ast.Lambda, ast.NamedExpr, ast.Starred, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.BoolOp, ast.BinOp, ast.UnaryOp,
    ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.Slice, ast.Name,
    ast.Constant, ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip

REFUSED_NODES: dict[type[ast.AST], tuple[str, str]] = {
    ast.While: (
        "a `while` loop may never end",
        "use `for i in range(n):` with a small constant n, or no loop",
    ),
    ast.ClassDef: ("a class", "delete the class; write its values as constants above the function"),
    ast.Global: ("`global`", "delete it; add a fourth parameter `memory` and keep the value in `memory`"),
    ast.Nonlocal: ("`nonlocal`", "delete it; add a fourth parameter `memory` and keep the value in `memory`"),
    ast.Raise: ("`raise`", "delete it; return terms for every input"),
    ast.Assert: ("`assert`", "delete it"),
    ast.Delete: ("`del`", "delete it"),
    ast.JoinedStr: ("an f-string", "use a plain string in quotes"),
    ast.AsyncFunctionDef: ("`async def`", "write `def`"),
    ast.Yield: ("`yield`", "use `return`"),
    ast.YieldFrom: ("`yield from`", "use `return`"),
    ast.Match: ("`match`", "use `if`"),
}

CHANGING_METHODS = frozenset({"append", "extend", "insert", "pop", "setdefault", "update", "clear", "remove", "add"})
LARGEST_NUMBER = 1e9
LARGEST_RANGE = 10_000
LARGEST_ARRAY = 1_000
LARGEST_EXPONENT = 64


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
    if not isinstance(node, ast.BinOp):
        return None
    left, right = fold(node.left), fold(node.right)
    if left is None or right is None:
        return None
    try:
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Pow):
            power = left**right
            return power if isinstance(power, float) else None
    except (OverflowError, ZeroDivisionError):
        return float("inf")
    return None


def closest(name: str, known: frozenset[str] | set[str]) -> str | None:
    """The nearest known name, or None."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def text_of(node: ast.AST) -> str:
    """Source text of a node, cut to 80 characters."""
    text = ast.unparse(node)
    return text if len(text) <= 80 else text[:77] + "..."


def operator_text(operator: ast.operator) -> str:
    """The sign of an operator."""
    return text_of(ast.BinOp(ast.Name("a"), operator, ast.Name("b")))[2:-2]


def is_plain(node: ast.expr) -> bool:
    """True for a constant, or a tuple of them."""
    if isinstance(node, ast.Tuple):
        return all(map(is_plain, node.elts))
    return isinstance(node, ast.Constant) or fold(node) is not None


def is_sequence(node: ast.expr) -> bool:
    """True for the text of a list, tuple or string."""
    return isinstance(node, ast.List | ast.Tuple) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def numbers(node: ast.expr) -> list[float]:
    """The constant numbers in an argument."""
    elements = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    return [number for element in elements if (number := fold(element)) is not None]


class SyntaxWalker(ast.NodeVisitor):
    """What does not depend on names: statements, imports, calls and the size of things.

    The tree's depth must have been bounded before: this recurses.
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
        self.inside: list[str] = []

    def add(self, rule: str, node: ast.AST, message: str, fix: str = "") -> None:
        """Note a fault at the node."""
        self.findings.add(rule, message, fix, getattr(node, "lineno", None))

    def visit(self, node: ast.AST) -> None:
        """Refuse every kind of node that is not on the list."""
        if not isinstance(node, ALLOWED_NODES):
            what, fix = REFUSED_NODES.get(type(node), (f"`{type(node).__name__}`", "write it without"))
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
        self.inside.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self.inside.pop()

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        self.visit(node.body)

    def _defaults(self, arguments: ast.arguments) -> None:
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None and not is_plain(default):
                self.add(
                    "default-value",
                    default,
                    f"the default `{text_of(default)}` is not a constant",
                    "use a number or None",
                )
        for star in (arguments.vararg, arguments.kwarg):
            if star is not None:
                self.add("refused-syntax", star, f"`*{star.arg}` parameters", "name each parameter")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            known = self.scope.fields.get(target.id)
            if target.id == "action" or (known and known[1]) or target.id in self.scope.views:
                new = f"new_{target.id}"
                self.add(
                    "writes-input",
                    node,
                    f"`{text_of(node)}` changes `{target.id}`, which is read-only",
                    f"make a new value: `{new} = {target.id} {operator_text(node.op)} {text_of(node.value)}`",
                )
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in ("numpy", "math", "numpy.linalg", *ANNOTATION_MODULES):
                self._refuse_import(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if module in ANNOTATION_MODULES:
            return
        known = {"numpy": NUMPY, "math": MATH, "numpy.linalg": LINALG}.get(module)
        if known is None or node.level:
            self._refuse_import(node, module)
            return
        for alias in node.names:
            if alias.name not in known:
                self.unknown_function(node, module, alias.name, known)

    def _refuse_import(self, node: ast.AST, module: str) -> None:
        self.add(
            "refused-import",
            node,
            f"`{module}` cannot be imported",
            "delete this line; only `import numpy as np` and `import math` are available",
        )

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if "errstate" not in text_of(item.context_expr):
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
        self.generic_visit(node)

    # Expressions

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes | complex):
            self.add("refused-syntax", node, f"`{text_of(node)}` is not available", "use a float")
        value = fold(node)
        if value is not None and abs(value) > LARGEST_NUMBER:
            self.add("too-much-work", node, f"the number {text_of(node)} is too large", "use one below 1e9")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.LShift | ast.RShift):
            self.add("refused-syntax", node, "a bit shift is not available", "multiply or divide")
        if isinstance(node.op, ast.Pow):
            exponent = fold(node.right)
            if exponent is not None and abs(exponent) > LARGEST_EXPONENT:
                self.add("too-much-work", node, f"the exponent {text_of(node.right)} is too large", "use 2 or 3")
        if isinstance(node.op, ast.Mult):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if is_sequence(one) and (fold(other) is None or (fold(other) or 0.0) > LARGEST_ARRAY):
                    self.add("too-much-work", node, f"`{text_of(node)}` repeats a list", "use `np.zeros(n)`")
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
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in ("out", "where"):
                name = f"`{keyword.arg}=`" if keyword.arg else "`**`"
                self.add("refused-syntax", node, f"{name} in a call is not available", "write it without")
        function = node.func
        if isinstance(function, ast.Name):
            self._call_of_name(function.id, node)
        elif isinstance(function, ast.Attribute):
            self._call_of_attribute(function, node)
        self.generic_visit(node)

    def _call_of_name(self, name: str, node: ast.Call) -> None:
        if name in self.inside:
            self.add("recursion", node, f"`{name}` calls itself", "use a `for` loop or write it out")
        if name == "range" and any((fold(a) or 0.0) > LARGEST_RANGE for a in node.args):
            self.add("too-much-work", node, f"`{text_of(node)}` is too long a loop", "use numpy on the whole array")

    def _call_of_attribute(self, function: ast.Attribute, node: ast.Call) -> None:
        owner = function.value
        if isinstance(owner, ast.Name):
            if owner.id in self.scope.views and function.attr in self.shapes:
                text = text_of(function)
                self.add("unknown-attribute", node, f"`{text}` is a value, not a function", f"write `{text}`")
            at_module = owner.id in self.module and owner.id not in self.aliases
            if at_module and self.inside and function.attr in CHANGING_METHODS:
                self.module_state(node, owner.id)
        sizes = [number for argument in node.args for number in numbers(argument)]
        if function.attr in SIZED and any(size > LARGEST_ARRAY for size in sizes):
            self.add("too-much-work", node, f"`{text_of(node)}` is too large an array", "use a small one")

    def module_state(self, node: ast.AST, name: str) -> None:
        """Note a change of something outside the function."""
        self.add(
            "module-state",
            node,
            f"`{name}` stands outside the function and is changed in it",
            "add a fourth parameter `memory` and keep the value there: "
            '`memory["name"] = …`, read with `memory.get("name", 0.0)`',
        )

    def unknown_function(self, node: ast.AST, module: str, name: str, known: frozenset[str]) -> None:
        """Note a function of numpy or math that is not on the list."""
        fix = REFUSED_NUMPY.get(name, "")
        guess = closest(name, known)
        if not fix and name in LINALG and known is not LINALG:
            fix = f"use `np.linalg.{name}`"
        if not fix and name in NUMPY:
            fix = f"use `np.{name}`"
        if not fix:
            fix = f"did you mean `{module}.{guess}`?" if guess else "write it out with + - * / and `np.abs`"
        self.add("unknown-function", node, f"`{module}.{name}` is not available", fix)
