"""From a reward of one transition to the same reward of a whole batch.

The source is run once, with values that stand for arrays over the batch. The operations on them become a short numpy
program without loops or branches. Branches become ``np.where``; helper functions and loops over constants are unrolled.
If anything is not certain to be handled, the result is None, and the reward is called row by row. Where the scalar form
would raise for a row, the program raises, or gives a value that is not finite. This is for speed, not for protection.
The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reward_synth.core.syntax import parse
from reward_synth.reward.vector.expressions import MODULES, POISON, Expressions, Frame, Function, Maybe, Native, State
from reward_synth.reward.vector.kinds import Batch, Program, Unsupported, describe, has_batch, refuse

if TYPE_CHECKING:
    from reward_synth.core.arrays import FloatArray

Layout = tuple[tuple[str, tuple[int, ...]], ...]
RELATIVE, ABSOLUTE = 1e-12, 1e-13


class VectorForm(NamedTuple):
    """A reward of a whole batch."""

    call: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
    """From states (N, W), actions (N, A) and next states (N, W) to terms (N, K). It raises, or gives a value that is
    not finite, wherever the scalar form raises; it may also do so where the scalar form does not."""
    source: str
    """The text of the numpy program, for people to read."""


def vectorise(source: str, layout: Layout, action_size: int, terms: tuple[str, ...]) -> VectorForm | None:
    """A form of the reward that computes all rows of a batch at once; None if no form is certain to be right.

    :param layout: fields of the rows of states.
    :param action_size: elements of an action.
    :param terms: names of the columns of the result; a term that a row lacks is 0.0 there.
    """
    try:
        program, values = _trace(source, layout, action_size, terms, zeros_matter=False)
        if program.tells_zeros:
            program, values = _trace(source, layout, action_size, terms, zeros_matter=True)
        text = program.function_text(values)
        namespace = dict(program.names)
        exec(compile(text, "batch.py", "exec"), namespace)
    except Exception:  # noqa: BLE001  (whatever the source does, the scalar form will do and report it)
        return None
    return VectorForm(namespace["form"], text)


def agree(vector: FloatArray, scalar: FloatArray) -> bool:
    """True if the two forms gave the same terms (N, K), apart from rounding by another order of additions."""
    return bool(np.allclose(vector, scalar, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))


def _trace(
    source: str, layout: Layout, action_size: int, terms: tuple[str, ...], zeros_matter: bool
) -> tuple[Program, list[Any]]:
    program = Program(zeros_matter)
    tracer = _Tracer(program)
    tracer.module(parse(source))
    action = program.emit("actions.T.copy()", (action_size,))
    states = [_state(program, f"{name}.T.copy()", layout) for name in ("states", "next_states")]
    function = tracer.globals["compute_reward"]
    refuse(len(function.node.args.args) != 3, "memory")
    result = tracer.inline(function, [states[0], action, states[1]], {}, None)
    refuse(not isinstance(result, dict) or not set(result) <= set(terms), "something else than the known terms")
    values = [result.get(name, 0.0) for name in terms]
    values = [value.value if isinstance(value, Maybe) else value for value in values]
    refuse(any(describe(value).shape for value in values), "a term that is a vector")
    return program, values


def _state(program: Program, columns: str, layout: Layout) -> State:
    rows = program.emit(columns, ()).text
    fields, start = {}, 0
    for name, shape in layout:
        stop = start + math.prod(shape)
        if shape == ():
            fields[name] = program.emit(f"{rows}[{start}]", (), "f", "py")
        elif stop > start:
            matrix = f".reshape({(*shape, -1)!r})" if len(shape) > 1 else ""
            fields[name] = program.emit(f"{rows}[{start}:{stop}]{matrix}", shape)
        start = stop
    return State(fields)


class _Tracer(Expressions):
    """Runs the source with values that stand for batches."""

    def module(self, tree: ast.Module) -> None:
        """Bind the constants and functions of the file."""
        frame = Frame(self.globals, frozenset())
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.globals.update(_imported(node))
            elif isinstance(node, ast.FunctionDef) and not node.decorator_list:
                defaults = tuple(self.expression(default, frame) for default in node.args.defaults)
                self.globals[node.name] = Function(node, defaults)
            elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr)):
                self.statement(node, frame)
            else:
                raise Unsupported("a statement outside of functions")
        for name, value in self.globals.items():
            self.globals[name] = _frozen(value)

    def inline(self, function: Function, arguments: list[Any], keywords: dict[str, Any], active: str | None) -> Any:
        """What a function of the file returns."""
        parameters = function.node.args
        if parameters.vararg or parameters.kwarg or parameters.kwonlyargs or parameters.posonlyargs:
            raise Unsupported("unusual parameters")
        names = [parameter.arg for parameter in parameters.args]
        bound = dict(zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True))
        if len(arguments) > len(names) or not set(keywords) <= set(names[len(arguments) :]):
            raise Unsupported("arguments that do not fit")
        # Arguments must not be changed, because a branch inside would only change a copy.
        bound |= {name: _frozen(value) for name, value in (*zip(names, arguments, strict=False), *keywords.items())}
        stored = {
            node.id
            for node in ast.walk(function.node)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        frame = Frame(bound, frozenset(stored | set(names)), active)
        if not self.block(function.node.body, frame) or set(bound) < set(names):
            raise Unsupported("a function that may end without a value")
        result = frame.returned[-1][1]
        for rows, value in reversed(frame.returned[:-1]):
            result = self.merged(Batch(str(rows), (), "b", "py"), value, result, {})
        return result

    # Statements

    def block(self, body: list[ast.stmt], frame: Frame) -> bool:
        """Run statements; True if all rows have returned."""
        return any(self.statement(node, frame) for node in body)

    def statement(self, node: ast.stmt, frame: Frame) -> bool:
        """Run a statement; True if all rows have returned."""
        return bool(self.step(node, "do")(node, frame))

    def _do_Pass(self, node: ast.Pass, frame: Frame) -> None:
        """Nothing."""

    def _do_Expr(self, node: ast.Expr, frame: Frame) -> None:
        self.expression(node.value, frame)

    def _do_Return(self, node: ast.Return, frame: Frame) -> bool:
        value = self.expression(node.value, frame) if node.value else None
        frame.returned.append((frame.active, value))
        return True

    def _do_Assign(self, node: ast.Assign, frame: Frame) -> None:
        value = self.expression(node.value, frame)
        for target in node.targets:
            self.assign(target, value, frame)

    def _do_AnnAssign(self, node: ast.AnnAssign, frame: Frame) -> None:
        if node.value is not None:
            self.assign(node.target, self.expression(node.value, frame), frame)

    def _do_AugAssign(self, node: ast.AugAssign, frame: Frame) -> None:
        old = self.expression(node.target, frame)
        # `+=` changes an array or a list in place, so its other names would see the change too.
        if isinstance(old, (list, dict, np.ndarray)) or (isinstance(old, Batch) and (old.shape or old.kind == "0d")):
            raise Unsupported("a change in place")
        new = self.program.binary(node.op, old, self.expression(node.value, frame), frame.active)
        self.assign(node.target, new, frame)

    def assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Bind a target."""
        if isinstance(target, ast.Name):
            frame.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = self.calls.elements(value)
            for part, element in zip(target.elts, values, strict=True):
                self.assign(part, element, frame)
        elif isinstance(target, ast.Subscript):
            container, key = self.expression(target.value, frame), self.expression(target.slice, frame)
            refuse(type(container) not in (dict, list) or has_batch(key), "writing into an array")
            container[key] = value
        else:
            raise Unsupported("assignment to an attribute")

    def _do_For(self, node: ast.For, frame: Frame) -> bool:
        refuse(node.orelse, "for with else")
        values = self.expression(node.iter, frame)
        for value in self.calls.elements(values) if not isinstance(values, list) else values:
            self.assign(node.target, value, frame)
            if self.block(node.body, frame):
                return True
        return False

    def _do_If(self, node: ast.If, frame: Frame) -> bool:
        test = self.program.truth(self.expression(node.test, frame))
        if not isinstance(test, Batch):
            return self.block(node.body if test else node.orelse, frame)
        branches = []
        for rows, body in ((test, node.body), (self.program.opposite(test), node.orelse)):
            active = self.program.both(frame.active, rows)
            branch = Frame(_copied(frame.names, {}), frame.local, active, frame.returned)
            branches.append((self.block(body, branch), branch))
        (yes_ended, yes), (no_ended, no) = branches
        if yes_ended or no_ended:
            # Only the rows of the other branch run the rest of the block.
            left = no if yes_ended else yes
            frame.names, frame.active = left.names, left.active
            return yes_ended and no_ended
        known: dict[tuple[int, int], Any] = {}
        frame.names = {
            name: self.merged(test, yes.names.get(name, POISON), no.names.get(name, POISON), known)
            for name in {**yes.names, **no.names}
        }
        return False

    def _do_With(self, node: ast.With, frame: Frame) -> bool:
        for item in node.items:
            call = item.context_expr
            if item.optional_vars or not isinstance(call, ast.Call) or call.args:
                raise Unsupported("with")
            modes = [word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)]
            silent = len(modes) == len(call.keywords) and set(modes) <= {"ignore", "warn"}
            refuse(not silent or self.expression(call.func, frame) != Native(MODULES["numpy"], "errstate"), "with")
        return self.block(node.body, frame)


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, Any]:
    """What an import binds."""
    if isinstance(node, ast.ImportFrom):
        if node.module in ("typing", "__future__"):
            return {}
        return {alias.asname or alias.name: Native(MODULES[str(node.module)], alias.name) for alias in node.names}
    return {alias.asname or alias.name: MODULES[alias.name] for alias in node.names}


def _frozen(value: Any) -> Any:
    """The value, or a copy of a container that cannot be written to."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(entry) for key, entry in value.items()})
    return value


def _copied(value: Any, known: dict[int, Any]) -> Any:
    """A copy of lists and dictionaries. An object that occurs twice is copied once, so that it stays one object."""
    if id(value) not in known:
        if type(value) is dict:
            known[id(value)] = {key: _copied(entry, known) for key, entry in value.items()}
        elif type(value) in (list, tuple):
            known[id(value)] = type(value)(_copied(entry, known) for entry in value)
        else:
            return value
    return known[id(value)]
