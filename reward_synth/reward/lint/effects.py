"""Bookkeeping of the lint's reading: containers, loops, limits, and what a write does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import Declared
from reward_synth.reward.lint.syntax import text_of
from reward_synth.reward.lint.values import DATA, INFINITY, Content, Kind, Shape, Value, join

MOST_STEPS = 40_000
MOST_REPEATS = 100_000
"""Of a loop's innermost body, all loops around it counted."""
MOST_WORK = 1e7
"""Elements that one expression makes, in all loops around it."""
LARGEST_SIZE = 100_000
"""Elements of any array or list."""
LARGEST_INTEGER = 1e300
CONTAINERS = ("list", "dict", "set")
GROWING = frozenset({"append", "extend", "insert", "add", "update", "setdefault"})


class TooMuch(Exception):
    """The code has more paths than a reward needs; the finding is noted."""


def power(base: float, exponent: float) -> float:
    """``base ** exponent`` without an exception."""
    try:
        return float(base**exponent)
    except OverflowError:
        return INFINITY


class Names(dict[str, Value]):
    """The local names of a function, and those around it."""

    def __init__(self, around: Names | None = None, known: dict[str, Value] | None = None) -> None:
        super().__init__(known or {})
        self.around = around

    def copy(self) -> Names:
        """A copy that may change on its own."""
        return Names(self.around, self)

    def find(self, name: str) -> Value | None:
        """The value here or around."""
        scope: Names | None = self
        while scope is not None:
            if name in scope:
                return scope[name]
            scope = scope.around
        return None

    def replace_by(self, other: Names) -> None:
        """Take the other's values."""
        self.clear()
        self.update(other)

    def merge(self, other: Names) -> None:
        """Take what holds here or there."""
        for name, value in other.items():
            mine = self.get(name)
            self[name] = value if mine is None else mine if mine is value else join((mine, value))

    def same_as(self, other: Names) -> bool:
        """True if every value is the same."""
        return len(self) == len(other) and all(other.get(name) == value for name, value in self.items())


class Effects:
    """State of one reading and the findings that it makes."""

    def __init__(self, declared: Declared, findings: Findings) -> None:
        self.declared = declared
        self.findings = findings
        self.module = Names()
        self.heap: dict[str, Content] = {}
        self.outside: dict[str, str] = {}
        """Containers and arrays made at module level: their name there."""
        self.loops: list[float] = []
        self.iterating: list[frozenset[str]] = []
        self.active: list[ast.AST] = []
        self.seen: set[ast.AST] = set()
        self.returned: list[list[Value]] = [[]]
        self.entry = False
        self.steps = 0

    def add(self, rule: str, node: ast.AST, message: str, fix: str = "") -> None:
        """Note a fault at the node."""
        self.findings.add(rule, message, fix, getattr(node, "lineno", None))

    def step(self, node: ast.AST) -> None:
        """Count one step of the reading.

        :raises TooMuch: if there are more than any reward needs.
        """
        self.steps += 1
        if self.steps > MOST_STEPS or len(self.active) > 24:
            self.too_much(node, "the functions call each other too often", "write a shorter, plainer reward")
            raise TooMuch

    def too_much(self, node: ast.AST, message: str, fix: str) -> None:
        """Note work or memory beyond what a reward needs."""
        self.add("too-much-work", node, message, fix)

    def enter_loop(self, count: float | None, node: ast.AST) -> None:
        """Note how often what follows runs."""
        around = self.loops[-1] if self.loops else 1.0
        self.loops.append(around * (count or 1.0))
        if self.loops[-1] > MOST_REPEATS >= around:
            line = text_of(node).splitlines()[0]
            self.too_much(node, f"`{line}` runs {self.loops[-1]:.0e} times", "use numpy on the whole array")

    def leave_loop(self) -> None:
        """Forget the innermost loop."""
        self.loops.pop()

    def check_size(self, node: ast.AST, size: float | None, what: str = "") -> None:
        """Note an array or list that is too large, alone or by all the loops around it."""
        if size is None:
            return
        what = what or f"`{text_of(node)}` makes"
        if size > LARGEST_SIZE:
            self.too_much(node, f"{what} up to {size:.0e} elements", "use small arrays, and no all-pairs sums")
        elif size * (self.loops[-1] if self.loops else 1.0) > MOST_WORK:
            self.too_much(node, f"{what} {size:.0f} elements in a long loop", "use numpy on the whole array once")

    # Containers

    def new_container(
        self,
        kind: Kind,
        node: ast.AST,
        length: float | None,
        items: Value | None,
        known: dict[object, Value] | None = None,
    ) -> Value:
        """A container that the code makes at this place."""
        site = f"#{id(node)}"
        self.heap[site] = Content(length, items, known or {})
        value = self.fresh(Value(kind, sites=frozenset({site})))
        self.check_size(node, self.total(value))
        return value

    def fresh(self, value: Value) -> Value:
        """A container with what it holds by now."""
        contents = [self.heap[site] for site in value.sites if site in self.heap]
        if value.kind not in CONTAINERS or not contents:
            return value
        lengths = [content.length for content in contents]
        shape = None if None in lengths else (max(length for length in lengths if length is not None),)
        items = [content.items for content in contents if content.items is not None]
        joined = join(items) if items else None
        return replace(value, shape=shape, items=joined, data=value.data or bool(joined and joined.data))

    def total(self, value: Value, depth: int = 3) -> float | None:
        """Elements of a container and of what it holds."""
        if value.kind not in (*CONTAINERS, "tuple", "array") or value.shape is None:
            return None
        size = value.size or 0.0
        if value.kind == "array" or depth == 0:
            return size
        return size * max(1.0, self.total(self.fresh(self.element(value)), depth - 1) or 1.0)

    def element(self, value: Value) -> Value:
        """One element of a value, as a loop over it gets."""
        if value.kind == "dict":
            return Value("text", shape=(60.0,), data=value.data)
        element = self.fresh(value).element
        if value.kind == "array" and element.kind == "array":
            return replace(element, sites=value.sites)
        return self.fresh(element)

    def length(self, value: Value) -> float | None:
        """The most elements that a loop over it takes, or None."""
        value = self.fresh(value)
        return value.shape[0] if value.shape else None

    def lengths(self) -> dict[str, float | None]:
        """Length of every container."""
        return {site: content.length for site, content in self.heap.items()}

    def known_items(self, value: Value) -> dict[object, Value]:
        """Values of a dict under the keys that are constants."""
        found: dict[object, Value] = {}
        for site in value.sites:
            if site in self.heap:
                found.update(self.heap[site].known)
        return found

    def keep_module(self) -> None:
        """From here on, what the module's names hold is outside of the functions."""
        for name, value in self.module.items():
            for site in self._reach(value, 4):
                self.outside.setdefault(site, name)

    def _reach(self, value: Value, depth: int) -> Iterator[str]:
        yield from value.sites
        inner = [*value.elements, *self.known_items(value).values()]
        inner += [item for site in value.sites if site in self.heap and (item := self.heap[site].items)]
        for item in inner if depth else ():
            yield from self._reach(item, depth - 1)

    # Writing

    def write(self, node: ast.AST, target: ast.expr, value: Value, sign: str = "") -> None:
        """Note what a write to a value changes beyond the function's own.

        :param sign: the operator of ``+=`` and its like.
        """
        shown = text_of(target)
        for site in sorted(value.sites):
            if site in self.outside and self.active:
                self.module_state(node, self.outside[site])
            elif site != "memory" and not site.startswith("#"):
                fix = "make a copy first: `np.array(x)`"
                message = f"`{shown}` is read-only"
                if shown != site and not shown.startswith(site):
                    message = f"`{shown}` is the memory of `{site}`, which is read-only"
                if sign and isinstance(node, ast.AugAssign):
                    message = f"`{text_of(node)}` changes `{site}`, which is read-only"
                    fix = f"make a new value: `new_{_plain(shown)} = {shown} {sign} {text_of(node.value)}`"
                self.add("writes-input", node, message, fix)

    def module_state(self, node: ast.AST, name: str) -> None:
        """Note a change of something outside the function."""
        self.add(
            "module-state",
            node,
            f"`{name}` stands outside the function and is changed in it",
            "add a fourth parameter `memory` and keep the value there: "
            '`memory["name"] = …`, read with `memory.get("name", 0.0)`',
        )

    def change(self, node: ast.AST, owner: Value, items: list[Value], more: float | None, key: object = None) -> None:
        """Put items into a container."""
        for site in owner.sites & self.heap.keys():
            content = self.heap[site]
            if key is not None and items:
                more = 0.0 if key in content.known else more
                content.known[key] = items[0]
            content.items = join([*items, *([content.items] if content.items else [])]) if items else content.items
            content.length = None if content.length is None or more is None else content.length + more
            if more != 0.0 and owner.kind == "list" and any(site in sites for sites in self.iterating):
                self.too_much(node, "a list grows while a loop goes over it", "append to another list")
        if owner.sites & {"memory"} and more != 0.0 and owner.kind != "dict":
            fix = "keep numbers, such as a running mean, under names of `memory`"
            self.add("memory-grows", node, "a list in `memory` grows at every step", fix)

    def field(self, text: str, name: str) -> Value:
        """Value of a field of the state or episode."""
        layout: dict[str, Shape] = dict(self.declared.layout)
        if self.declared.entry != "compute_reward":
            return Value("array", data=True, sites=frozenset({text})) if name in (*layout, "action") else DATA
        shape = layout.get(name)
        if shape is None:
            return DATA
        if shape == ():
            return Value("number", data=True)
        return Value("array", data=True, shape=tuple(map(float, shape)), sites=frozenset({text}))


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text).strip("_") or "value"
