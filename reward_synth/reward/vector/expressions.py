"""Expressions of reward code that is computed for a whole batch.

The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from reward_synth.reward.vector.calls import Calls
from reward_synth.reward.vector.kinds import OPERATORS, Batch, Program, Unsupported, describe, has_batch, joined, refuse

MOST_STEPS = 20_000
CONSTANTS = ("pi", "e", "tau", "inf", "nan", "newaxis")


class State(NamedTuple):
    """The state before or after the step."""

    fields: Mapping[str, Batch]


class Native(NamedTuple):
    """A function of a module, or a method of a value."""

    owner: Any
    name: str


class Function(NamedTuple):
    """A function of the file."""

    node: ast.FunctionDef
    defaults: tuple[Any, ...]


class Maybe(NamedTuple):
    """A term that some rows lack; its value is 0.0 there."""

    value: Any


MODULES = {"numpy": Native(None, "numpy"), "math": Native(None, "math")}
TYPES: dict[Native, Any] = {
    Native(builtins, "float"): float, Native(MODULES["numpy"], "float64"): np.float64,
}  # fmt: skip
POISON = object()
"""The value of a name to which two branches gave values that cannot be merged."""


@dataclass
class Frame:
    """A function that is being run, for some of the rows."""

    names: dict[str, Any]
    local: frozenset[str]
    """Names that the function binds somewhere; they hide those of the file."""
    active: str | None = None
    """Rows for which this code runs; None: all."""
    returned: list[tuple[str | None, Any]] = field(default_factory=list)
    """Rows and what they return."""


class Expressions:
    """Evaluates expressions with values that stand for batches."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.calls = Calls(program)
        self.globals: dict[str, Any] = {}
        self.steps = 0

    def step(self, node: ast.AST, kind: str) -> Callable[..., Any]:
        """The method that handles a node; ``kind`` is ``of`` for an expression and ``do`` for a statement."""
        self.steps += 1
        handler = getattr(self, f"_{kind}_{type(node).__name__}", None)
        if handler is None or self.steps > MOST_STEPS:
            raise Unsupported(type(node).__name__)
        found: Callable[..., Any] = handler
        return found

    def inline(self, function: Function, arguments: list[Any], keywords: dict[str, Any], active: str | None) -> Any:
        """What a function of the file returns."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Bind a target."""
        raise NotImplementedError

    def merged(self, test: Batch, yes: Any, no: Any, known: dict[tuple[int, int], Any]) -> Any:
        """``yes`` where the test holds, else ``no``; containers element by element. Shared objects stay shared."""
        if yes is no:
            return yes
        if (id(yes), id(no)) in known:
            return known[id(yes), id(no)]
        result: Any = POISON
        if type(yes) is type(no) is dict:
            result = {key: self.merged_term(test, yes, no, key, known) for key in {**yes, **no}}
        elif type(yes) is type(no) and type(yes) in (list, tuple) and len(yes) == len(no):
            result = type(yes)(self.merged(test, pair[0], pair[1], known) for pair in zip(yes, no, strict=True))
        elif type(yes) is type(no) and not has_batch(yes) and repr(yes) == repr(no):
            result = yes
        elif all(isinstance(value, (Batch, bool, int, float, np.generic, np.ndarray)) for value in (yes, no)):
            result = self.program.where(test, yes, no)
        known[id(yes), id(no)] = result
        return result

    def merged_term(self, test: Batch, yes: Any, no: Any, key: Any, known: dict[tuple[int, int], Any]) -> Any:
        """An entry of a dictionary that one of the branches may lack."""
        pair = [branch.get(key, Maybe(0.0)) for branch in (yes, no)]
        if not any(isinstance(value, Maybe) for value in pair):
            return self.merged(test, pair[0], pair[1], known)
        ours, theirs = (value.value if isinstance(value, Maybe) else value for value in pair)
        return Maybe(self.merged(test, ours, theirs, known))

    def expression(self, node: ast.expr, frame: Frame) -> Any:
        """The value of an expression."""
        value = self.step(node, "of")(node, frame)
        refuse(value is POISON or isinstance(value, Maybe), "a value that not all branches give")
        return value

    def _of_Constant(self, node: ast.Constant, frame: Frame) -> Any:
        return node.value

    def _of_Name(self, node: ast.Name, frame: Frame) -> Any:
        if node.id in frame.names or node.id in frame.local:
            return frame.names[node.id]
        return self.globals[node.id] if node.id in self.globals else Native(builtins, node.id)

    def _of_Attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        value = self.expression(node.value, frame)
        if isinstance(value, State):
            return value.fields[node.attr]
        if isinstance(value, Native):
            if value.name == "linalg" or node.attr not in CONSTANTS or value.owner is not None:
                return Native(value, node.attr)
            return getattr(math if value.name == "math" else np, node.attr)
        if isinstance(value, (Batch, np.ndarray)) and node.attr in ("shape", "size", "ndim"):
            shape = value.shape
            refuse(isinstance(value, Batch) and value.kind != "np", "the shape of a number")
            return {"shape": shape, "size": math.prod(shape), "ndim": len(shape)}[node.attr]
        return Native(value, node.attr)

    def _of_Call(self, node: ast.Call, frame: Frame) -> Any:
        function = self.expression(node.func, frame)
        arguments: list[Any] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                arguments += self.calls.elements(self.expression(argument.value, frame))
            else:
                arguments.append(self.expression(argument, frame))
        keywords = {str(word.arg): self.expression(word.value, frame) for word in node.keywords}
        if isinstance(function, Function):
            return self.inline(function, arguments, keywords, frame.active)
        refuse(not isinstance(function, Native) or "None" in keywords, "a call of something else than a function")
        return self.native(function, arguments, keywords, frame.active)

    def native(self, function: Native, arguments: list[Any], keywords: dict[str, Any], active: str | None) -> Any:
        """A call of a function of a module or of a method."""
        owner, name = function
        arguments = [TYPES.get(value, value) if isinstance(value, Native) else value for value in arguments]
        keywords = {key: TYPES.get(word, word) if isinstance(word, Native) else word for key, word in keywords.items()}
        if owner is builtins:
            return self.calls.python(name, arguments, keywords)
        if owner is MODULES["math"] and not keywords:
            return self.calls.math(name, arguments, active)
        linalg = isinstance(owner, Native) and owner.name == "linalg"
        if (owner is MODULES["numpy"] and name != "norm") or (linalg and name == "norm"):
            return self.calls.numpy(name, arguments, keywords)
        if isinstance(owner, (dict, MappingProxyType)) and name in ("items", "keys", "values") and not arguments:
            found = list(getattr(owner, name)())
            if any(isinstance(value, Maybe) or value is POISON for value in owner.values()):
                raise Unsupported("terms that some rows lack")
            return found
        if type(owner) is list and name == "append" and len(arguments) == 1:
            owner.append(arguments[0])
            return None
        if isinstance(owner, (Batch, np.ndarray, np.generic)):
            return self.calls.method(owner, name, arguments, keywords)
        raise Unsupported(f"the function {name}")

    def _of_BinOp(self, node: ast.BinOp, frame: Frame) -> Any:
        refuse(type(node.op) not in OPERATORS, "an operator")
        left, right = self.expression(node.left, frame), self.expression(node.right, frame)
        return self.program.binary(node.op, left, right, frame.active)

    def _of_UnaryOp(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self.expression(node.operand, frame)
        if isinstance(node.op, ast.Not):
            test = self.program.truth(value)
            return self.program.opposite(test) if isinstance(test, Batch) else not test
        if isinstance(node.op, ast.USub):
            return self.program.negative(value)
        if isinstance(value, Batch) and value.type == "b" and value.kind == "np" and isinstance(node.op, ast.Invert):
            return self.program.opposite(value)
        if isinstance(node.op, ast.UAdd) and describe(value).type == "f":
            return value
        raise Unsupported("an operator")

    def _of_BoolOp(self, node: ast.BoolOp, frame: Frame) -> Any:
        conjunction = isinstance(node.op, ast.And)
        inner = Frame(frame.names, frame.local, frame.active, frame.returned)
        result = self.expression(node.values[0], inner)
        for operand in node.values[1:]:
            test = self.program.truth(result)
            if not isinstance(test, Batch):
                if test is not conjunction:
                    return result
                result = self.expression(operand, inner)
                continue
            going_on = test if conjunction else self.program.opposite(test)
            inner.active = self.program.both(inner.active, going_on)
            value = self.expression(operand, inner)
            if isinstance(value, Batch) and value.type == result.type == "b" and not value.shape:
                kind = value.kind if value.kind == result.kind else "?"
                result = self.program.emit(f"{test.text} {'&' if conjunction else '|'} {value.text}", (), "b", kind)
            else:
                result = self.program.where(test, *((value, result) if conjunction else (result, value)))
        return result

    def _of_Compare(self, node: ast.Compare, frame: Frame) -> Any:
        operands = [self.expression(operand, frame) for operand in (node.left, *node.comparators)]
        tests = [
            self.program.compare(op, left, right)
            for op, left, right in zip(node.ops, operands, operands[1:], strict=False)
        ]
        if len(tests) == 1:
            return tests[0]
        if not has_batch(tests):
            return all(tests)
        fitting = [test for test in tests if isinstance(test, Batch) and not test.shape]
        refuse(len(fitting) < len(tests), "a chain of comparisons with a constant one")
        text = " & ".join(test.text for test in fitting)
        return self.program.emit(text, (), "b", "py" if joined(fitting) == "py" else "?")

    def _of_IfExp(self, node: ast.IfExp, frame: Frame) -> Any:
        test = self.program.truth(self.expression(node.test, frame))
        if not isinstance(test, Batch):
            return self.expression(node.body if test else node.orelse, frame)
        values = []
        for rows, branch in ((test, node.body), (self.program.opposite(test), node.orelse)):
            active = self.program.both(frame.active, rows)
            values.append(self.expression(branch, Frame(frame.names, frame.local, active, frame.returned)))
        return self.merged(test, values[0], values[1], {})

    def _of_Subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value, index = self.expression(node.value, frame), self.expression(node.slice, frame)
        refuse(has_batch(index) or isinstance(value, State), "an index that differs from row to row")
        return self.calls.item(value, index) if isinstance(value, Batch) else value[index]

    def _of_Slice(self, node: ast.Slice, frame: Frame) -> slice:
        bounds = (node.lower, node.upper, node.step)
        return slice(*(None if bound is None else self.expression(bound, frame) for bound in bounds))

    def _of_Tuple(self, node: ast.Tuple, frame: Frame) -> tuple[Any, ...]:
        return tuple(self.expression(element, frame) for element in node.elts)

    def _of_List(self, node: ast.List, frame: Frame) -> list[Any]:
        return [self.expression(element, frame) for element in node.elts]

    def _of_Dict(self, node: ast.Dict, frame: Frame) -> dict[Any, Any]:
        refuse(None in node.keys, "a dictionary within a dictionary")
        keys = [self.expression(key, frame) for key in node.keys if key]
        refuse(not all(isinstance(key, (str, int)) for key in keys), "a key that is no text")
        return dict(zip(keys, [self.expression(value, frame) for value in node.values], strict=True))

    def _of_ListComp(self, node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> list[Any]:
        return [self.expression(node.elt, inner) for inner in self.rounds(node.generators, frame)]

    _of_GeneratorExp = _of_ListComp

    def _of_DictComp(self, node: ast.DictComp, frame: Frame) -> dict[Any, Any]:
        rounds = self.rounds(node.generators, frame)
        return {self.expression(node.key, inner): self.expression(node.value, inner) for inner in rounds}

    def rounds(self, generators: list[ast.comprehension], frame: Frame) -> Iterator[Frame]:
        """Frames in which the element of a comprehension is evaluated."""
        if not generators:
            yield frame
            return
        first = generators[0]
        for value in self.calls.elements(self.expression(first.iter, frame)):
            inner = Frame(dict(frame.names), frame.local, frame.active, frame.returned)
            self.assign(first.target, value, inner)
            tests = [self.program.truth(self.expression(test, inner)) for test in first.ifs]
            refuse(has_batch(tests), "a comprehension with a condition")
            if all(tests):
                yield from self.rounds(generators[1:], inner)
