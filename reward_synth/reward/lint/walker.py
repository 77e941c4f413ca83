"""The lint's walk over the syntax tree: names, attributes and the fields of the state."""
# ruff: noqa: D102  (a visit method is named after what it visits)

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.reward.lint.allowed import JUDGE_NAMES, LINALG, MATH, METHODS, NUMPY, REFUSED_NAMES, SCALAR_METHODS
from reward_synth.reward.lint.scopes import is_norm
from reward_synth.reward.lint.syntax import LONGEST_NAME, MOST_GUESSES, SyntaxWalker, fold, text_of
from reward_synth.reward.namespace import BUILTINS
from reward_synth.state.view import suggestion


class Walker(SyntaxWalker):
    """Checks one function (or the module's constants) and adds to ``findings``."""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner, name = node.value, node.attr
        if isinstance(node.ctx, ast.Store):
            self.add("writes-input", node, f"`{text_of(node)}` cannot be set", "use a new local name")
        module = self._module_of(owner)
        if module is not None:
            known = {"np": NUMPY - {"linalg"}, "linalg": LINALG, "math": MATH}[module]
            if name not in known:
                self.unknown_function(node, text_of(owner), name, known)
            return
        if isinstance(owner, ast.Name) and owner.id in self.scope.views:
            self._field(node, owner.id)
            return
        if isinstance(owner, ast.Name) and owner.id in ("np", "numpy", "math") and owner.id not in self.scope.names:
            self.visit(owner)  # Only the missing import is a fault; the function may be right.
            return
        field = self.field_of(owner)
        if field is not None and field[1] == () and name not in SCALAR_METHODS:
            self.add(
                "scalar-indexed",
                node,
                f"`{field[0]}` is one number: it has no `.{name}`",
                f"write `{text_of(owner)}` without `.{name}`",
            )
        elif name not in METHODS and name not in self.shapes:
            guess = self.guess(name, METHODS | set(self.shapes))
            fix = did_you_mean([f".{each}" for each in guess], "write it with numpy functions", quote="`")
            if name in self.scope.weights:
                fix = f"write `{name.upper()} = …` above the function and use `{name.upper()}`"
            if name in ("reduce", "accumulate"):
                fix = "write `np.max(np.stack([a, b, c]), axis=0)` or `np.maximum(a, b)`; what runs on is a loop"
            self.add("unknown-attribute", node, f"`.{name}` is not available", fix)
        self.visit(owner)

    def _module_of(self, owner: ast.expr) -> str | None:
        match owner:
            case ast.Name(id=name) if name in self.scope.names:
                return self.aliases.get(name)
            case ast.Attribute(attr="linalg", value=ast.Name(id=name)) if self.aliases.get(name) == "np":
                return "linalg"
        return None

    def _field(self, node: ast.Attribute, owner: str) -> None:
        name = node.attr
        if name in self.shapes:
            return
        if name in JUDGE_NAMES:
            self.add(
                "judge-field",
                node,
                f"`{owner}.{name}` belongs to the task and is never shown to the reward",
                f"compute it from the fields, for example `{owner}.{next(iter(self.shapes), 'field')}`",
            )
            return
        names = list(self.shapes)
        self.guesses += 1
        if self.guesses > MOST_GUESSES or len(name) > LONGEST_NAME:
            self.add("unknown-field", node, f"unknown field `{owner}.{name}`", "use only fields of the list")
            return
        close = nearest(name, names, cutoff=0.5)
        fix = f"replace `{owner}.{name}` by `{owner}.{close[0]}`" if close else "use only fields of the list"
        self.add("unknown-field", node, f"unknown field `{owner}.{name}`; {suggestion(name, names)}", fix)

    def field_of(self, node: ast.expr) -> tuple[str, tuple[int, ...]] | None:
        """Text and shape of a field, if the expression is one."""
        read = self.scope.shaped.get(node.id, node) if isinstance(node, ast.Name) else node
        shape = self.shapes.get(self.scope.field_read(read))
        return None if shape is None else (text_of(read), shape)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id in self.scope.views:
            self._index_of_view(node, owner.id)
            self.visit(node.slice)
            return
        name = owner.id if isinstance(owner, ast.Name) else ""
        field = self.field_of(owner)
        if name == "action" and self.declared.action_size is not None:
            field = ("action", (self.declared.action_size,))
        if field is not None:
            self._index_of_field(node, *field)
        self.generic_visit(node)

    def _index_of_view(self, node: ast.Subscript, owner: str) -> None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(key, str):
            field = key if key in self.shapes else next(iter(self.guess(key, set(self.shapes))), "field")
            self.add(
                "subscript-field",
                node,
                f"`{text_of(node)}`: fields are read with a dot",
                f"`{owner}.{field}`",
            )
        else:
            example = ", ".join(f"`{owner}.{name}`" for name in list(self.shapes)[:6])
            self.add(
                "state-indexed",
                node,
                f"`{text_of(node)}`: `{owner}` is no array, it has named fields",
                f"read one by name: {example}",
            )

    def _index_of_field(self, node: ast.Subscript, text: str, shape: tuple[int, ...]) -> None:
        if shape == ():
            self.add(
                "scalar-indexed",
                node,
                f"`{text}` is one number and cannot be indexed",
                f"replace `{text_of(node)}` by `{text_of(node.value)}`",
            )
            return
        index = node.slice
        lower = index.lower if isinstance(index, ast.Slice) else index
        number = fold(lower) if lower is not None else None
        if number is not None and not -shape[0] <= number < shape[0]:
            self.add(
                "index-out-of-range",
                node,
                f"`{text_of(node)}`: `{text}` has {shape[0]} elements",
                f"use an index from 0 to {shape[0] - 1}",
            )

    def visit_Call(self, node: ast.Call) -> None:
        named = {keyword.arg for keyword in node.keywords}
        # The third argument of a norm is the axis.
        whole = is_norm(node, self.scope) and 1 <= len(node.args) <= 2 and "axis" not in named
        if whole and self._dimensions(node.args[0]) > 1:
            text = text_of(node)
            fix = f"for one number of each row write `{text[:-1]}, axis=1)`"
            self.add("matrix-norm", node, f"`{text}` is one number for all rows together", fix)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name != "isinstance" and name not in self.own:
            self._no_view(node, node.args)
        if name in ("list", "tuple", "reversed") and node.args:
            self._in_order(node.args[0])
        super().visit_Call(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        self._no_view(node, (node.left, *node.comparators))
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._no_view(node, [part.value for part in node.values if isinstance(part, ast.FormattedValue)])
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        self._no_view(node.iter, [node.iter])
        self._in_order(node.iter)
        self.generic_visit(node)

    visit_comprehension = visit_For

    def _no_view(self, node: ast.expr, parts: Iterable[ast.expr]) -> None:
        """Report a state that is used as if it were a value."""
        if any(isinstance(part, ast.Name) and part.id in self.scope.views for part in parts):
            root = self.declared.roots[-1]
            example = next(iter(dict(self.declared.layout)), "field")
            message = f"`{text_of(node)}` uses the whole `{root}`, which is no value"
            self.add("state-indexed", node, message, f"read one field by name: `{root}.{example}`")

    def _in_order(self, over: ast.expr) -> None:
        """Report an iteration over a set, whose order is not fixed."""
        match self.scope.values.get(over.id) if isinstance(over, ast.Name) else over:
            case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
                self.add("set-order", over, f"`{text_of(over)}` has no fixed order")

    def _dimensions(self, node: ast.expr, depth: int = 8) -> int:
        """Number of dimensions of an expression over fields; 0 for a number, and if it is not known."""
        if depth == 0:
            return 0
        match node:
            case ast.Name(id=name) if name in self.scope.values:
                return self._dimensions(self.scope.values[name], depth - 1)
            case ast.Attribute() if (field := self.scope.field_read(node)) in dict(self.declared.layout):
                return len(dict(self.declared.layout)[field]) + (self.declared.entry != "compute_reward")
            case ast.BinOp(left=left, right=right):
                return max(self._dimensions(left, depth - 1), self._dimensions(right, depth - 1))
            case ast.UnaryOp(operand=operand):
                return self._dimensions(operand, depth - 1)
            case ast.Subscript(value=value, slice=index):
                indices = index.elts if isinstance(index, ast.Tuple) else [index]
                chosen = [part for part in indices if not isinstance(part, ast.Slice)]
                if all(fold(part) is not None for part in chosen):
                    return max(self._dimensions(value, depth - 1) - len(chosen), 0)
        return 0

    def visit_Name(self, node: ast.Name) -> None:
        name = node.id
        if name.startswith("__") or not name.isascii():
            self.add("refused-name", node, f"the name `{name}` is not available", "use a plain name")
        elif isinstance(node.ctx, ast.Store):
            if name in self.aliases or name in ("float", "max", "min", "sum", "abs", "range"):
                self.add("refused-name", node, f"`{name}` must keep its meaning", f"call it `{name}_value`")
        elif name in self.aliases and name in self.scope.names:
            self.add("refused-name", node, f"`{name}` alone is a module", f"use a function, as in `{name}.exp`")
        elif name not in self.scope.names and name not in BUILTINS:
            self._unknown_name(node)

    def _unknown_name(self, node: ast.Name) -> None:
        name = node.id
        if name in ("np", "numpy", "math"):
            line = "import math" if name == "math" else f"import numpy{' as np' if name == 'np' else ''}"
            self.add("missing-import", node, f"`{name}` is not imported", f"add `{line}` as the first line")
        elif name == "memory":
            fix = "write `def compute_reward(state, action, next_state, memory):`"
            self.add("unknown-name", node, "`memory` is not a parameter", fix)
        elif name in (*self.declared.roots, "action"):
            self.add("unknown-name", node, f"`{name}` is not a parameter here", f"pass `{name}` to the function")
        elif name in JUDGE_NAMES or name == "next_obs":
            example = f"{self.declared.roots[-1]}.{next(iter(self.shapes), 'field')}"
            self.add("unknown-name", node, f"`{name}` is not passed in", f"read fields, as in `{example}`")
        elif name in self.shapes:
            root = self.declared.roots[-1]
            self.add("bare-field", node, f"`{name}` is a field, not a variable", f"write `{root}.{name}`")
        elif hasattr(builtins, name):
            fix = REFUSED_NAMES.get(name, "delete it")
            self.add("refused-name", node, f"`{name}` is not available in a reward", fix)
        else:
            guess = self.guess(name, self.scope.names | set(self.shapes))
            root = self.declared.roots[-1]
            meant = [f"{root}.{each}" if each in self.shapes else each for each in guess]
            fix = did_you_mean(meant, f"define it first, for example `{name} = 0.0`", quote="`")
            self.add("unknown-name", node, f"`{name}` is not defined", fix)
