"""The lint's reading of expressions: what each may be, and what it does on the way."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from reward_synth.reward.lint.calls import result_of
from reward_synth.reward.lint.effects import LARGEST_INTEGER, Effects, Names
from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import Declared, walked
from reward_synth.reward.lint.syntax import LARGEST_ARRAY, LARGEST_EXPONENT, operator_text, text_of
from reward_synth.reward.lint.values import (
    INFINITY,
    TRUTH,
    UNKNOWN,
    Value,
    arithmetic,
    broadcast,
    elementwise,
    join,
    number,
    shape_of,
)

_CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045, "tau": 6.283185307179586}


class Evaluation(Effects):
    """Reads expressions; :class:`~reward_synth.reward.lint.flow.Flow` reads calls and statements."""

    def __init__(self, declared: Declared, aliases: dict[str, str], tree: ast.AST, findings: Findings) -> None:
        super().__init__(declared, findings)
        self.aliases = aliases
        self.imported = {
            alias.asname or alias.name: alias.name
            for node in walked(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("numpy", "math")
            for alias in node.names
        }
        self._readers: dict[type[ast.AST], Callable[..., Value]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.BinOp: self._operation,
            ast.UnaryOp: self._unary,
            ast.Call: self.call,
            ast.Tuple: self._display,
            ast.List: self._display,
            ast.Set: self._display,
            ast.Dict: self._dict,
            ast.IfExp: self._choice,
            ast.BoolOp: self._choice,
            ast.Compare: self._comparison,
            ast.Lambda: lambda node, names: Value("function", function=(node, names)),
            ast.NamedExpr: self._named,
        }

    def call(self, node: ast.Call, names: Names) -> Value:
        """Read a call."""
        raise NotImplementedError

    def comprehension(self, node: ast.expr, names: Names) -> Value:
        """Read a comprehension."""
        raise NotImplementedError

    def value(self, node: ast.expr, names: Names) -> Value:
        """What the expression may be."""
        self.step(node)
        reader = self._readers.get(type(node))
        if reader is not None:
            return reader(node, names)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self.comprehension(node, names)
        return self._parts(node, names)

    def _parts(self, node: ast.expr, names: Names) -> Value:
        parts = [self.value(part, names) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        if isinstance(node, ast.JoinedStr | ast.FormattedValue):
            if any(part.kind == "view" for part in parts):
                self.whole_view(node)
            sizes = [part.size if part.kind == "text" else 400.0 for part in parts]
            total = None if None in sizes else sum(size for size in sizes if size is not None)
            self.check_size(node, total)
            return Value("text", shape=None if total is None else (total,), data=any(p.data for p in parts))
        return Value(data=any(part.data for part in parts))

    def _constant(self, node: ast.Constant, names: Names) -> Value:
        constant = node.value
        if isinstance(constant, int | float):
            try:
                return number(float(constant), whole=isinstance(constant, int))
            except OverflowError:
                return number(INFINITY, whole=True)
        return Value("text", shape=(float(len(constant)),)) if isinstance(constant, str) else UNKNOWN

    def _name(self, node: ast.Name, names: Names) -> Value:
        found = names.find(node.id)
        if found is None:
            return constant_of(self.imported.get(node.id, ""))
        return self.fresh(found)

    def _named(self, node: ast.NamedExpr, names: Names) -> Value:
        value = self.value(node.value, names)
        self.bind(node.target, value, names)
        return value

    def _attribute(self, node: ast.Attribute, names: Names) -> Value:
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id in self.aliases and names.find(owner.id) is None:
            return constant_of(node.attr)
        value = self.value(owner, names)
        if value.kind == "view":
            return self.field(text_of(node), node.attr)
        if node.attr in ("shape", "size", "ndim"):
            shape = shape_of(value)
            sizes = [number(0.0, size, whole=True) for size in shape or ()]
            if node.attr == "shape":
                return Value("tuple", elements=tuple(sizes), items=number(0.0, INFINITY, whole=True))
            return number(0.0, (value.size if shape else None) or INFINITY, whole=True)
        return replace(result_of("T", [value], {}), sites=value.sites) if node.attr == "T" else Value(data=value.data)

    def _subscript(self, node: ast.Subscript, names: Names) -> Value:
        owner, index = self.value(node.value, names), self.value(node.slice, names)
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if owner.kind == "dict":
            if "memory" in owner.sites:
                self.check_memory_key(node.slice)
                return Value(data=True, sites=frozenset({"memory"}))
            known = self.known_items(owner)
            return self.fresh(known.get(key, owner.items or UNKNOWN))
        if owner.elements and isinstance(key, int) and -len(owner.elements) <= key < len(owner.elements):
            return self.fresh(owner.elements[key])
        if isinstance(node.slice, ast.Slice):
            return replace(owner, elements=(), items=owner.element if owner.elements else owner.items)
        if owner.kind == "array":
            return self._indexed(owner, node.slice, index)
        return self.fresh(owner.element) if owner.kind != "any" else replace(owner, kind="any", shape=None)

    def _indexed(self, owner: Value, index: ast.expr, value: Value) -> Value:
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        values = value.elements if isinstance(index, ast.Tuple) else (value,)
        fancy = any(part.kind in ("array", "list") for part in values)
        pairs = zip(parts, values, strict=False)
        plain = all(part.kind == "number" or isinstance(node, ast.Slice) for node, part in pairs)
        shape, dimensions_left = [], list(owner.shape or ())
        for part in parts:
            if (isinstance(part, ast.Constant) and part.value is None) or (
                isinstance(part, ast.Attribute) and part.attr == "newaxis"
            ):
                shape.append(1.0)
                plain = plain or len(parts) == 1
            elif isinstance(part, ast.Slice) and dimensions_left:
                shape.append(dimensions_left.pop(0))
            elif dimensions_left:
                dimensions_left.pop(0)
        whole = tuple([*shape, *dimensions_left])
        if fancy:
            return Value("array", owner.low, owner.high, data=owner.data)
        if owner.shape is not None and whole == () and plain:
            return Value("number", owner.low, owner.high, data=owner.data)
        known = whole if owner.shape is not None and whole else None
        kind = owner.kind if whole or any(isinstance(part, ast.Slice) for part in parts) else "any"
        return Value(kind, owner.low, owner.high, data=owner.data, shape=known, sites=owner.sites)

    def _operation(self, node: ast.BinOp, names: Names) -> Value:
        left, right = self.value(node.left, names), self.value(node.right, names)
        same = isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name) and node.left.id == node.right.id
        return self.operate(node, node.op, left, right, same)

    def operate(self, node: ast.AST, operator: ast.operator, left: Value, right: Value, same: bool = False) -> Value:
        """Value of a binary operation, and whether it is too much."""
        if isinstance(operator, ast.Mult) and (left.kind in _REPEATED or right.kind in _REPEATED):
            return self._repetition(node, left, right)
        if isinstance(operator, ast.Add) and left.kind == right.kind and left.kind in _REPEATED:
            lengths = (left.size, right.size)
            total = None if None in lengths else sum(length for length in lengths if length is not None)
            self.check_size(node, total)
            items = join([left.element, right.element]) if left.kind != "text" else None
            if left.kind == "list":
                return self.new_container("list", node, total, items)
            return Value(left.kind, shape=None if total is None else (total,), items=items)
        if isinstance(operator, ast.Mod) and left.kind == "text":
            self.add("refused-syntax", node, "`%` on a text is not available", "use a plain string in quotes")
        result = arithmetic(operator, left, right, same)
        if isinstance(operator, ast.Pow) and left.whole and right.kind == "number" and right.data:
            result = replace(result, whole=False)
            if right.whole and right.high > LARGEST_EXPONENT:
                self.too_much(
                    node, f"`{text_of(node)}`: the exponent has no bound", "write `min(n, 10)`, or use a float"
                )
        elif result.whole and max(abs(result.low), abs(result.high)) > LARGEST_INTEGER and not result.data:
            finite = all(abs(bound) < INFINITY for v in (left, right) for bound in (v.low, v.high))
            if finite:
                self.too_much(node, f"`{text_of(node)}` is too large a number", "use a float")
        self.check_size(node, result.size if result.kind == "array" else None)
        return result

    def _repetition(self, node: ast.AST, left: Value, right: Value) -> Value:
        what, times = (left, right) if left.kind in _REPEATED else (right, left)
        size = None if what.size is None else what.size * max(times.high, 0.0)
        if size != size:
            size = 0.0
        unbounded = times.high == INFINITY
        if (unbounded and times.data) or (not unbounded and size is not None and size > LARGEST_ARRAY):
            self.too_much(node, f"`{text_of(node)}` repeats a list", "use `np.zeros(n)`")
        if what.kind == "list":
            return self.new_container("list", node, None if unbounded else size, what.items)
        return Value(what.kind, shape=None if size is None or unbounded else (size,), items=what.element)

    def _unary(self, node: ast.UnaryOp, names: Names) -> Value:
        value = self.value(node.operand, names)
        if isinstance(node.op, ast.USub):
            kind = value.kind if value.kind in ("number", "array") else "any"
            return replace(value, kind=kind, low=-value.high, high=-value.low, sites=frozenset())
        return TRUTH if isinstance(node.op, ast.Not) else replace(value, sites=frozenset())

    def _display(self, node: ast.Tuple | ast.List | ast.Set, names: Names) -> Value:
        values, length = [], 0.0
        for element in node.elts:
            value = self.value(element.value if isinstance(element, ast.Starred) else element, names)
            if isinstance(element, ast.Starred):
                length += self.length(value) or 1.0
                value = self.element(value)
            else:
                length += 1.0
            values.append(value)
        items = join(values) if values else None
        if isinstance(node, ast.Tuple):
            known = tuple(values) if length == len(values) else ()
            return Value("tuple", shape=(length,), items=items, elements=known, data=any(v.data for v in values))
        return self.new_container("list" if isinstance(node, ast.List) else "set", node, length, items)

    def _dict(self, node: ast.Dict, names: Names) -> Value:
        known: dict[object, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item, names)
            if key is not None:
                self.value(key, names)
            known[key.value if isinstance(key, ast.Constant) else id(item)] = value
        items = join(known.values()) if known else None
        return self.new_container("dict", node, float(len(known)), items, known)

    def _choice(self, node: ast.IfExp | ast.BoolOp, names: Names) -> Value:
        if isinstance(node, ast.IfExp):
            self.value(node.test, names)
        parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
        return join([self.value(part, names) for part in parts])

    def _comparison(self, node: ast.Compare, names: Names) -> Value:
        values = [self.value(part, names) for part in (node.left, *node.comparators)]
        if any(value.kind == "view" for value in values):
            self.whole_view(node)
        shape = broadcast(map(shape_of, values))
        self.check_size(node, elementwise(values).size if shape else None)
        return TRUTH if shape == () else replace(elementwise(values, 0.0, 1.0), undefined=False)

    # Binding

    def bind(self, target: ast.expr, value: Value, names: Names) -> None:
        """Assign a value to a name, a tuple of names, or a place in something."""
        if isinstance(target, ast.Name):
            names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            known = value.elements if len(value.elements) == len(target.elts) else None
            starred = any(isinstance(part, ast.Starred) for part in target.elts)
            for position, part in enumerate(target.elts):
                element = known[position] if known and not starred else self.element(value)
                if isinstance(part, ast.Starred):
                    part = part.value
                    element = self.new_container("list", part, self.length(value), element)
                self.bind(part, self.fresh(element), names)
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, names)
            self.value(target.slice, names)
            self.write(target, target.value, owner)
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            if "memory" in owner.sites and owner.kind == "dict":
                self.check_memory_key(target.slice)
            elif owner.kind in ("dict", "list"):
                more = 1.0 if owner.kind == "dict" else 0.0
                self.change(target, owner, [value], more, key if owner.kind == "dict" else None)

    def augment(self, node: ast.AugAssign, names: Names) -> None:
        """Read ``target operator= value``: in place where the target is an array or list."""
        value = self.value(node.value, names)
        target = node.target
        before = self.value(target, names) if not isinstance(target, ast.Attribute) else UNKNOWN
        if before.kind == "view":
            self.add("writes-input", node, f"`{text_of(node)}` changes the state, which is read-only", "delete it")
        if before.kind in ("array", "list", "set", "dict"):
            self.write(node, target, before, operator_text(node.op))
        same = isinstance(target, ast.Name) and isinstance(node.value, ast.Name) and target.id == node.value.id
        if before.kind == "list" and isinstance(node.op, ast.Add):
            self.change(node, before, [self.element(value)], self.length(value))
            return
        after = self.operate(node, node.op, before, value, same)
        if isinstance(target, ast.Name):
            names[target.id] = replace(after, sites=before.sites) if before.kind == "array" else after
        else:
            self.bind(target, after, names)

    def check_iteration(self, node: ast.expr, over: Value) -> None:
        """Note a loop over what has no order, or no elements."""
        if over.kind == "view":
            self.whole_view(node)
        elif over.kind == "set":
            self.add("set-order", node, f"`{text_of(node)}` has no fixed order", "use a list, or `sorted(...)`")

    def whole_view(self, node: ast.AST) -> None:
        """Note a state that is used as if it were a value."""
        root = self.declared.roots[-1]
        example = next((name for name, _ in self.declared.layout), "field")
        message = f"`{text_of(node)}` uses the whole `{root}`, which is no value"
        self.add("state-indexed", node, message, f"read one field by name: `{root}.{example}`")

    def check_memory_key(self, key: ast.expr) -> None:
        """Note a key of ``memory`` that is no text."""
        if isinstance(key, ast.Constant) and not isinstance(key.value, str):
            self.add("memory-key", key, f"`memory[{text_of(key)}]`", 'use a name in quotes: `memory["name"]`')


_REPEATED = ("list", "tuple", "text")


def constant_of(name: str) -> Value:
    """Value of a constant or function of a module."""
    if name in _CONSTANTS:
        return number(_CONSTANTS[name])
    if name in ("inf", "nan"):
        return replace(number(-INFINITY, INFINITY), undefined=True)
    return Value("function") if name else UNKNOWN
