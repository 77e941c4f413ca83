"""The lint's reading of calls: what they may give, and how much work and memory they take."""

from __future__ import annotations

import ast
from dataclasses import replace

from reward_synth.reward.lint.allowed import LINALG, words
from reward_synth.reward.lint.calls import NEEDS, SHARING, result_of
from reward_synth.reward.lint.effects import GROWING, Names
from reward_synth.reward.lint.evaluation import Evaluation
from reward_synth.reward.lint.syntax import LARGEST_ARRAY, LARGEST_RANGE, text_of
from reward_synth.reward.lint.values import DATA, INFINITY, TRUTH, UNKNOWN, Value, join, number, shape_of

LARGEST_CONSTRUCTED = 10_000
"""Elements of an array that is made from its size."""
MOST_PLACES = 300.0
"""Of a rounded number: `round(x, -n)` makes a number of n places."""
_CONSTRUCTORS = words(
    """
    zeros ones empty full eye identity arange linspace logspace geomspace repeat kron outer vander diag
    """
)
_VIEW_TAKERS = frozenset({"isinstance"})
_CUBIC = frozenset(LINALG) - {"norm", "cross", "outer", "trace"}
_NO_NUMBERS = frozenset({"nan", "inf", "infinity"})
_PYTHON = words(
    """
    range len int round float abs min max sum enumerate zip reversed sorted list tuple set frozenset filter dict
    str bool isinstance all any divmod map slice
    """
)


class Invocation(Evaluation):
    """Reads calls."""

    def apply(
        self, function: Value, arguments: list[Value], options: dict[str, Value], node: ast.AST, name: str = ""
    ) -> Value:
        """Read a function of the file, or a lambda, with these arguments."""
        raise NotImplementedError

    def call(self, node: ast.Call, names: Names) -> Value:
        """Read a call: of the file's own functions, of a method, or of what is imported or built in."""
        arguments = [self._argument(argument, names) for argument in node.args]
        options = {word.arg: self.value(word.value, names) for word in node.keywords if word.arg}
        function = node.func
        if isinstance(function, ast.Name):
            own = names.find(function.id)
            if own is not None:
                known = own.function is not None
                return self.apply(own, arguments, options, node, function.id) if known else DATA
            python = function.id not in self.imported
            return self._named_call(node, self.imported.get(function.id, function.id), arguments, options, python)
        if not isinstance(function, ast.Attribute):
            own = self.value(function, names)
            return self.apply(own, arguments, options, node) if own.function is not None else DATA
        if self._is_module(function.value, names):
            return self._named_call(node, function.attr, arguments, options)
        owner = self.value(function.value, names)
        return self._method(node, function.attr, owner, arguments, options)

    def _argument(self, node: ast.expr, names: Names) -> Value:
        if isinstance(node, ast.Starred):
            return self.element(self.value(node.value, names))
        return self.value(node, names)

    def _is_module(self, node: ast.expr, names: Names) -> bool:
        if isinstance(node, ast.Attribute) and node.attr == "linalg":
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.aliases and names.find(node.id) is None

    def _method(
        self, node: ast.Call, name: str, owner: Value, arguments: list[Value], options: dict[str, Value]
    ) -> Value:
        if owner.kind == "view":
            return DATA
        assert isinstance(node.func, ast.Attribute)
        if name in GROWING or name in ("pop", "remove", "clear"):
            self.write(node, node.func.value, owner)
        if owner.kind == "dict" and "memory" in owner.sites:
            return self._memory_call(node, name, arguments)
        if name in GROWING:
            many = name in ("extend", "update")
            items = [self.element(a) if many else a for a in arguments[-1:]]
            self.change(node, owner, items, self.length(arguments[-1]) if many and arguments else 1.0)
            return join([*items, owner.items or UNKNOWN]) if name == "setdefault" else UNKNOWN
        if owner.kind == "dict" and name in ("get", "pop", "values", "items"):
            values = [*self.known_items(owner).values(), *arguments[1:]] or [owner.items or UNKNOWN]
            if name == "items":
                return Value("list", items=Value("tuple", elements=(UNKNOWN, join(values))), shape=owner.shape)
            return (
                Value("list", items=join(values), shape=owner.shape) if name == "values" else self.fresh(join(values))
            )
        if owner.kind in ("list", "set", "dict", "text"):
            return self.fresh(owner.element) if name == "pop" else replace(UNKNOWN, data=owner.data)
        return self._named_call(node, name, [owner, *arguments], options)

    def _memory_call(self, node: ast.Call, name: str, arguments: list[Value]) -> Value:
        if name in ("get", "setdefault", "pop") and node.args:
            self.check_memory_key(node.args[0])
            kept = Value(data=True, sites=frozenset({"memory"}))
            default = arguments[1] if len(arguments) > 1 else kept
            return replace(kept, kind="number" if default.kind == "number" else "any")
        return DATA

    def _named_call(
        self, node: ast.Call, name: str, arguments: list[Value], options: dict[str, Value], python: bool = False
    ) -> Value:
        if name not in _VIEW_TAKERS and any(value.kind == "view" for value in arguments):
            self.whole_view(node)
        for position, function in enumerate(arguments):
            if function.function is not None:
                items = [self.element(a) for i, a in enumerate(arguments) if i != position]
                result = self.apply(function, items, {}, node)
                return self.new_container("list", node, None, result if name == "map" else join(items))
        if options.get("key", UNKNOWN).function is not None:
            self.apply(options["key"], [self.element(a) for a in arguments], {}, node)
        if python and name in _PYTHON:
            return self._python_call(node, name, arguments)
        shared = name == "einsum"
        value = self._einsum(node, arguments) if shared else result_of(name, arguments, options)
        self._check_range_of(node, name, arguments, value)
        self._check_work(node, name, arguments, value)
        return value if name in SHARING else replace(value, sites=frozenset())

    def _check_range_of(self, node: ast.Call, name: str, arguments: list[Value], value: Value) -> None:
        if name not in NEEDS or not arguments:
            return
        low, high, form = NEEDS[name]
        first = arguments[0]
        if first.low >= low and first.high <= high:
            return
        text = text_of(node)
        argument = node.args[0] if node.args else node
        fix = f"write `{form.format(text_of(argument))}`"
        if first.high < low or first.low > high:
            self.add("not-finite", node, f"`{text}` is never a number: it is outside of the function's range", fix)
        elif first.data and first.kind in ("number", "array"):
            self.add("may-be-undefined", node, f"`{text}` is not finite for some values", fix)

    def _check_work(self, node: ast.Call, name: str, arguments: list[Value], value: Value) -> None:
        size = value.size if value.kind == "array" else None
        if name in _CONSTRUCTORS and size is not None:
            if size == INFINITY:
                self.too_much(node, f"`{text_of(node)}`: its size depends on data", "use a constant size")
                return
            largest = max(value.shape or (0.0,))
            if size > LARGEST_CONSTRUCTED or largest > LARGEST_ARRAY:
                self.too_much(node, f"`{text_of(node)}` is too large an array", "use a small one")
                return
        if name in _CUBIC and arguments and (side := max(shape_of(arguments[0]) or (0.0,))) > 0.0:
            self.check_size(node, side**3 / 100.0)
        self.check_size(node, size)

    def _einsum(self, node: ast.Call, arguments: list[Value]) -> Value:
        text = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
        letters = {letter for letter in str(text) if letter.isalpha()}
        sizes: dict[str, float] = {}
        for part, operand in zip(str(text).partition("->")[0].split(","), arguments[1:], strict=False):
            sizes.update(zip(part.strip(), shape_of(operand) or (), strict=False))
        work = 1.0
        for letter in letters:
            work *= sizes.get(letter, 3.0)
        if len(letters) > 6 or not letters:
            self.too_much(node, f"`{text_of(node)}` goes over too many indices", "use `@` or `np.sum`")
        else:
            self.check_size(node, work)
        return Value(data=any(argument.data for argument in arguments))

    def _python_call(self, node: ast.Call, name: str, arguments: list[Value]) -> Value:
        first = arguments[0] if arguments else UNKNOWN
        if name == "range":
            return self._range(node, arguments)
        if name == "len":
            return number(0.0, self.length(first) or INFINITY, whole=True)
        if name in ("int", "round", "float", "abs"):
            return self._converted(node, name, arguments)
        if name in ("min", "max", "sum"):
            return self._reduced(name, arguments)
        if name in ("enumerate", "zip", "reversed", "sorted", "list", "tuple", "set", "frozenset", "filter"):
            return self._collected(node, name, arguments)
        if name == "dict":
            return self.new_container("dict", node, None, None)
        if name == "str":
            return Value("text", data=first.data, shape=(400.0,))
        return TRUTH if name in ("bool", "isinstance", "all", "any") else Value(data=any(a.data for a in arguments))

    def _range(self, node: ast.Call, arguments: list[Value]) -> Value:
        if not arguments:
            return UNKNOWN
        low, high = (number(0.0), arguments[0]) if len(arguments) == 1 else arguments[:2]
        step = arguments[2] if len(arguments) > 2 else number(1.0)
        if step.high < 0.0:
            low, high, step = high, low, number(-step.high, -step.low)
        count = (high.high - low.low) / max(step.low, 1.0)
        if count == INFINITY and any(value.data for value in arguments):
            text = text_of(node)
            self.too_much(node, f"`{text}`: the number of rounds depends on data", "use a constant, or `min(n, 10)`")
        elif LARGEST_RANGE < count < INFINITY or any(a.kind == "number" and a.low > 1e9 for a in arguments):
            self.too_much(node, f"`{text_of(node)}` is too long a loop", "use numpy on the whole array")
        known = None if count == INFINITY or count != count else (max(0.0, count),)
        return Value("range", low.low, high.high, whole=True, shape=known)

    def _converted(self, node: ast.Call, name: str, arguments: list[Value]) -> Value:
        first = arguments[0] if arguments else number(0.0)
        constant = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if name == "float" and isinstance(constant, str):
            return replace(number(-INFINITY, INFINITY), undefined=constant.strip().lower().lstrip("+-") in _NO_NUMBERS)
        if name == "round" and len(arguments) > 1 and _is_far(arguments[1]):
            self.too_much(node, f"`{text_of(node)}` rounds to too many places", "round to a few places")
        if name == "abs":
            return replace(result_of("abs", [first], {}), whole=first.whole)
        if first.kind == "text":
            return number(-INFINITY, INFINITY, whole=name == "int", data=True)
        whole = name == "int" or (name == "round" and len(arguments) == 1)
        result = number(first.low, first.high, whole=whole, data=first.data)
        return replace(result, undefined=first.undefined and name == "float")

    def _reduced(self, name: str, arguments: list[Value]) -> Value:
        if len(arguments) == 1 or name == "sum":
            result = result_of(name, arguments[:1], {})
            inner = self.element(arguments[0]) if arguments else UNKNOWN
            return replace(result, kind="any") if inner.kind not in ("number",) else replace(result, whole=inner.whole)
        return replace(result_of(name, arguments, {}), whole=all(value.whole for value in arguments))

    def _collected(self, node: ast.Call, name: str, arguments: list[Value]) -> Value:
        if name == "zip":
            items: Value = Value("tuple", elements=tuple(self.element(argument) for argument in arguments))
            lengths = [length for a in arguments if (length := self.length(a)) is not None]
            return Value("list", items=items, shape=(min(lengths),) if lengths else None)
        first = arguments[0] if arguments else Value("tuple", shape=(0.0,))
        items, length = self.element(first), self.length(first)
        if name == "enumerate":
            items = Value("tuple", elements=(number(0.0, length or INFINITY, whole=True), items))
            return Value("list", items=items, shape=None if length is None else (length,))
        if name != "sorted":
            self.check_iteration_of_set(node, name, first)
        kind = {"set": "set", "frozenset": "set", "tuple": "tuple"}.get(name, "list")
        if kind == "tuple":
            return Value("tuple", items=items, shape=None if length is None else (length,))
        return self.new_container(kind, node, length, items if arguments else None)  # type: ignore[arg-type]

    def check_iteration_of_set(self, node: ast.Call, name: str, value: Value) -> None:
        """Note ``list(...)`` and its like of what has no order."""
        if name in ("list", "tuple", "reversed"):
            self.check_iteration(node.args[0] if node.args else node, value)


def _is_far(places: Value) -> bool:
    known = abs(places.low) < INFINITY or places.data
    return known and max(abs(places.low), abs(places.high)) > MOST_PLACES
