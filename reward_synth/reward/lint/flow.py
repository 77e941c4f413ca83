"""The lint's reading of a reward in the order in which it would run, on values that stand for all inputs at once.

Nothing is evaluated: a number is an interval of floats, an array a shape, a container its most elements. It follows
memory through names, containers, helpers and loops, so that it sees writes to the inputs, state that is kept outside
of ``memory``, and work or memory that grows beyond what a reward needs. What it cannot know counts as harmless.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable
from dataclasses import replace

from reward_synth.reward.lint import effects
from reward_synth.reward.lint.effects import Names
from reward_synth.reward.lint.invocation import Invocation
from reward_synth.reward.lint.scopes import parameters
from reward_synth.reward.lint.syntax import text_of
from reward_synth.reward.lint.values import DATA, INFINITY, UNKNOWN, Value, join, number

Body = Callable[[], bool]
LONGEST_LOOP_READ = 4
"""Times that a loop's body is read; what still grows then is extrapolated."""


class Flow(Invocation):
    """Reads a module and adds what it finds to ``findings``."""

    def read_module(self, tree: ast.Module, entry: str) -> None:
        """Read the constants, the entry function on its inputs, and every function that it does not call."""
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        try:
            self.block(tree.body, self.module)
            self.keep_module()
            chosen = [node for node in functions if node.name == entry][-1:]
            for function in [*chosen, *functions]:
                if function not in self.seen:
                    self.entry = function.name == entry
                    arguments = [self.input(name) for name in parameters(function)]
                    self.apply(Value("function", function=(function, self.module)), arguments, {}, function)
        except effects.TooMuch:
            pass  # Its finding is noted already.

    def read_expression(self, tree: ast.Expression) -> None:
        """Read one expression over ``episode``."""
        self.module["episode"] = self.input("episode")
        with contextlib.suppress(effects.TooMuch):
            self.value(tree.body, self.module)

    # Statements: each method tells whether the block ends there.

    def block(self, statements: list[ast.stmt], names: Names) -> bool:
        """Read statements in order."""
        return any(self.statement(statement, names) for statement in statements)

    def statement(self, node: ast.stmt, names: Names) -> bool:
        """Read one statement."""
        self.step(node)
        if isinstance(node, ast.Return):
            self.returned[-1].append(UNKNOWN if node.value is None else self.value(node.value, names))
            if self.entry and len(self.returned) == 2:
                self.check_terms(node, self.returned[-1][-1])
            return True
        if isinstance(node, ast.Break | ast.Continue | ast.Raise):
            return True
        if isinstance(node, ast.If):
            return self._if(node, names)
        if isinstance(node, ast.For):
            self._for(node, names)
        elif isinstance(node, ast.While):
            self.loop(None, lambda: self.block(node.body, names), names, node)
        elif isinstance(node, ast.With):
            return self.block(node.body, names)
        elif isinstance(node, ast.Try):
            return self._try(node, names)
        elif isinstance(node, ast.FunctionDef):
            names[node.name] = Value("function", function=(node, names))
        elif isinstance(node, ast.Expr):
            self.value(node.value, names)
        else:
            self._assign(node, names)
        return False

    def _assign(self, node: ast.stmt, names: Names) -> None:
        if isinstance(node, ast.Assign):
            value = self.value(node.value, names)
            for target in node.targets:
                self.bind(target, value, names)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self.bind(node.target, self.value(node.value, names), names)
        elif isinstance(node, ast.AugAssign):
            self.augment(node, names)

    def _if(self, node: ast.If, names: Names) -> bool:
        self.value(node.test, names)
        other = names.copy()
        ends, other_ends = self.block(node.body, names), self.block(node.orelse, other)
        if ends and not other_ends:
            names.replace_by(other)
        elif not ends and not other_ends:
            names.merge(other)
        return ends and other_ends

    def _try(self, node: ast.Try, names: Names) -> bool:
        before = names.copy()
        ends = self.block([*node.body, *node.orelse], names)
        for handler in node.handlers:
            other = names.copy()
            other.merge(before)
            handler_ends = self.block(handler.body, other)
            if ends and not handler_ends:
                names.replace_by(other)
            elif not handler_ends:
                names.merge(other)
            ends = ends and handler_ends
        return self.block(node.finalbody, names) or ends

    def _for(self, node: ast.For, names: Names) -> None:
        over = self.value(node.iter, names)
        self.check_iteration(node.iter, over)

        def body() -> bool:
            self.bind(node.target, self.element(over), names)
            return self.block(node.body, names)

        self.iterating.append(over.sites)
        self.loop(self.length(over), body, names, node)
        self.iterating.pop()
        self.block(node.orelse, names)

    def loop(self, count: float | None, body: Body, names: Names, node: ast.AST) -> None:
        """Read a loop's body until nothing changes, and extrapolate what grows to ``count`` times."""
        if count == 0.0:
            return
        self.enter_loop(count, node)
        times = LONGEST_LOOP_READ if len(self.loops) < 3 else 2
        sizes: list[dict[str, float]] = []
        start = names.copy()
        for _ in range(int(min(times, count or times))):
            before = names.copy()
            lengths = self.lengths()
            body()
            names.merge(before)
            sizes.append(self.measure(names))
            if names.same_as(before) and lengths == self.lengths():
                break
        else:
            if len(sizes) > 2 and (count or 0.0) > times:
                self.extrapolate(sizes, (count or 0.0) - times, names, node)
        names.merge(start)
        self.leave_loop()

    def comprehension(self, node: ast.expr, names: Names) -> Value:
        """Read a comprehension or generator as the loops it stands for."""
        assert isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        inner = Names(names)
        found: list[Value] = []

        def read(generators: list[ast.comprehension]) -> bool:
            if not generators:
                if isinstance(node, ast.DictComp):
                    self.value(node.key, inner)
                    found.append(self.value(node.value, inner))
                else:
                    found.append(self.value(node.elt, inner))
                return False
            first, *others = generators
            over = self.value(first.iter, inner)
            self.check_iteration(first.iter, over)
            counts.append(self.length(over))

            def body() -> bool:
                self.bind(first.target, self.element(over), inner)
                for test in first.ifs:
                    self.value(test, inner)
                return read(others)

            self.iterating.append(over.sites)
            self.loop(counts[-1], body, inner, node)
            self.iterating.pop()
            return False

        counts: list[float | None] = []
        read(node.generators)
        length: float | None = 1.0
        for count in counts[: len(node.generators)]:
            length = None if count is None or length is None else length * count
        items = join(found) if found else UNKNOWN
        kind = {ast.SetComp: "set", ast.DictComp: "dict"}.get(type(node), "list")
        return self.new_container(kind, node, length, items)  # type: ignore[arg-type]

    def apply(
        self, function: Value, arguments: list[Value], options: dict[str, Value], node: ast.AST, name: str = ""
    ) -> Value:
        """Read a function of the file, or a lambda, with these arguments."""
        code, around = function.function
        if code in self.active:
            self.add("recursion", node, f"`{name or 'a function'}` calls itself", "use a `for` loop or write it out")
            return UNKNOWN
        self.seen.add(code)
        inner = Names(around)
        wanted = parameters(code)
        defaults = dict(zip(wanted[::-1], [self.value(d, around) for d in code.args.defaults[::-1]], strict=False))
        plain = len(wanted) - len(code.args.kwonlyargs)
        for position, parameter in enumerate(wanted):
            given = arguments[position] if position < min(len(arguments), plain) else None
            inner[parameter] = given or options.get(parameter) or defaults.get(parameter) or UNKNOWN
        self.active.append(code)
        self.returned.append([])
        if isinstance(code, ast.Lambda):
            result = self.value(code.body, inner)
        else:
            self.block(code.body, inner)
            result = join(self.returned[-1])
        self.returned.pop()
        self.active.pop()
        return result

    def input(self, name: str) -> Value:
        """What a parameter of the entry function, or of a function that nobody calls, stands for."""
        if name in self.declared.roots and (self.entry or self.declared.entry == "compute_reward"):
            return Value("view", data=True)
        if name == "action" and self.declared.entry == "compute_reward":
            size = self.declared.action_size
            return Value("array", data=True, shape=None if size is None else (float(size),), sites=frozenset({name}))
        if name == "memory":
            return Value("dict", data=True, sites=frozenset({"memory"}))
        return DATA if self.entry else UNKNOWN

    def measure(self, names: Names) -> dict[str, float]:
        """How large each local value and each container is."""
        sizes = {f"length {site}": length for site, length in self.lengths().items() if length is not None}
        for name, value in names.items():
            if value.whole:
                sizes[f"number {name}"] = max(abs(value.low), abs(value.high))
            elif value.kind in ("array", "text") and value.size is not None:
                sizes[f"size {name}"] = value.size
        return sizes

    def extrapolate(self, sizes: list[dict[str, float]], more: float, names: Names, node: ast.AST) -> None:
        """Say how large what grows will be after ``more`` times, and note what becomes too large."""
        for key, last in sizes[-1].items():
            middle, first = sizes[-2].get(key), sizes[-3].get(key)
            if first is None or middle is None or not first < middle < last:
                continue
            if first > 0.0 and last / middle > 1.5 * middle / first:
                final = INFINITY  # The ratio itself grows: squares of squares.
            elif last - middle > 1.01 * (middle - first) and first > 0.0:
                final = last * effects.power(last / middle, more)
            else:
                final = last + (last - middle) * more
            kind, _, name = key.partition(" ")
            self.grow(kind, name, final, names, node)

    def grow(self, kind: str, name: str, final: float, names: Names, node: ast.AST) -> None:
        """Give a value the size that it has at the end of a loop."""
        if kind == "length":
            self.heap[name].length = final
            self.check_size(node, final, "a list grows")
        elif kind == "number":
            names[name] = number(-final, final, whole=True, data=names[name].data)
            if final > effects.LARGEST_INTEGER:
                self.too_much(node, f"`{name}` grows too large in the loop", "start from a float, or write it out")
        else:
            names[name] = replace(names[name], shape=(final,))
            self.check_size(node, final, f"`{name}` grows")

    def check_terms(self, node: ast.Return, value: Value) -> None:
        """Note terms that are NaN or infinite whatever the input."""
        for term in [value, *self.known_items(value).values()]:
            if term.undefined:
                text = text_of(node)
                self.add("not-finite", node, f"`{text}`: a term is NaN or infinite", "return a finite number")
