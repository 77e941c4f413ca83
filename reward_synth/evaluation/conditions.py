"""The parts of a success measure that are joined by ``and``, and how many episodes fulfil each of them.

A measure that fails says nothing of how near it was. Who writes the next reward must not read the measure's code, but
may know which of its conditions holds, which fields that one reads, and what it found there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

from reward_synth.core.deaths import tried_again
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.syntax import parse
from reward_synth.evaluation.scoring import measured_table
from reward_synth.reward.contract import RewardError
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

MOST = 16
"""More conditions are not told apart: the numbers of a text would say little."""
LENGTH = "the episode's length"
Range = tuple[float, float]
"""Smallest and largest value."""


@dataclass(frozen=True)
class Condition:
    """One condition of a success measure."""

    reads: tuple[str, ...]
    """The fields that it reads, or :data:`LENGTH`."""
    fulfilled: int
    """Episodes that fulfil it."""
    passing: Range | None = None
    """What it compares with a constant, over the episodes that fulfil it; None if it does not, or if none does."""
    failing: Range | None = None
    """The same over the others."""


def conditions_held(task: TaskSpec, table: FieldTable, episodes: Sequence[Episode]) -> tuple[Condition, ...]:
    """How many episodes fulfil each condition of the task's success, in the order of its code.

    Empty if the measure does not consist of several conditions, or if one of them fails alone.
    """
    parts = split_success(task.success)
    if parts is None or not episodes:
        return ()
    judged = partial(_judged, measured_table(task, table), episodes)
    bits = judged(parts.code)
    if bits is None:
        return ()
    found = []
    for bit, (reads, value) in enumerate(zip(parts.reads, parts.values, strict=True)):
        held = [bool(int(each) >> bit & 1) for each in bits]
        # Where all episodes fulfil a condition, nobody asks by how much.
        values = judged(value) if value is not None and not all(held) else None
        passing, failing = (None, None) if values is None else (_range(values, held, True), _range(values, held, False))
        found.append(Condition(reads, sum(held), passing, failing))
    return tuple(found)


def _judged(table: FieldTable, episodes: Sequence[Episode], code: str) -> list[float] | None:
    """What code of a ``fitness`` says of each episode; None if it fails on one.

    :raises MachineFault: the process was killed from outside, again and again.
    """

    def judged() -> list[float]:
        with ScoringProcess("False", code, table.layout()) as process:
            return [
                process.score(each.subset(table.names), each.actions, each.dt, each.horizon, each.terminated).fitness
                for each in episodes
            ]

    try:
        return tried_again(judged)
    except MachineFault:
        raise
    except (RewardError, RewardSynthError):
        return None


def _range(values: Sequence[float], held: Sequence[bool], wanted: bool) -> Range | None:
    chosen = [value for value, each in zip(values, held, strict=True) if each is wanted]
    return (min(chosen), max(chosen)) if chosen else None


@dataclass(frozen=True)
class Parts:
    """A success measure, taken apart."""

    code: str
    """Code of a ``fitness`` whose bits say which conditions hold."""
    reads: tuple[tuple[str, ...], ...]
    """What each condition reads."""
    values: tuple[str | None, ...]
    """Code of a ``fitness`` that gives what the condition compares with a constant; None if it does no such thing."""


def split_success(code: str) -> Parts | None:
    """Take a measure apart; None if it has one condition only.

    ``if …: return False`` is a condition as well: that its test is false.
    """
    function = _function(code)
    if function is None or not isinstance(function.body[-1], ast.Return) or function.body[-1].value is None:
        return None
    reads = _Reads(function.args.args[0].arg if function.args.args else "episode")
    body: list[ast.stmt] = []
    conditions: list[ast.expr] = []
    for statement in function.body[:-1]:
        if _returns_false(statement):
            name = f"guard_{len(conditions)}"
            test = ast.UnaryOp(ast.Not(), statement.test)
            assigned = ast.Assign([ast.Name(name, ast.Store())], test)
            reads.learn(assigned)
            body.append(assigned)
            conditions.append(ast.Name(name, ast.Load()))
        elif isinstance(statement, (ast.Assign, ast.Expr)):
            reads.learn(statement)
            body.append(statement)
        else:
            return None
    conditions += _operands(function.body[-1].value)
    if not 2 <= len(conditions) <= MOST:
        return None
    bits = [ast.BinOp(ast.Constant(1 << bit), ast.Mult(), _truth(each)) for bit, each in enumerate(conditions)]

    def fitness(value: ast.expr) -> str:
        made = ast.FunctionDef("fitness", function.args, [*body, ast.Return(_called("float", value))], [])
        return ast.unparse(ast.fix_missing_locations(ast.Module([made], [])))

    values = [_compared(each, reads) for each in conditions]
    return Parts(
        code=fitness(_sum(bits)),
        reads=tuple(reads.of(each) for each in conditions),
        values=tuple(None if value is None else fitness(value) for value in values),
    )


def _compared(condition: ast.expr, reads: _Reads) -> ast.expr | None:
    """The number that a condition compares with a constant; of an array, the element that decides.

    ``d[-1] < 0.1`` compares ``d[-1]``, and ``np.all(speed < 0.1)`` the largest speed. None if the condition is no
    single comparison with a constant.
    """
    condition = reads.meaning(condition)
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        return _compared(condition.operand, reads)
    if not isinstance(condition, ast.Call):
        return _value_and_side(condition, reads)[0]
    called, inside = condition.func, condition.args[0] if condition.args else condition.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if name == "bool" and condition.args:
        return _compared(inside, reads)
    if name not in ("all", "any") or len(condition.args) > 1 or condition.keywords:
        return None
    # ``(speed < 0.1).all()`` says the same as ``np.all(speed < 0.1)``.
    inside = inside.value if isinstance(inside, ast.Attribute) else inside
    value, above = _value_and_side(reads.meaning(inside), reads)
    if value is None or above is None:
        return None
    decides = "min" if above == (name == "all") else "max"
    return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), decides, ast.Load()), [value], [])


def _value_and_side(comparison: ast.expr, reads: _Reads) -> tuple[ast.expr | None, bool | None]:
    """What a comparison compares with a constant, and whether it must lie above (None: between)."""
    if not isinstance(comparison, ast.Compare):
        return None, None
    sides = [comparison.left, *comparison.comparators]
    varying = [place for place, side in enumerate(sides) if not reads.constant(side)]
    if len(varying) != 1 or not all(isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in comparison.ops):
        return None, None
    (place,) = varying
    above = isinstance(comparison.ops[0], (ast.Gt, ast.GtE)) == (place == 0) if len(sides) == 2 else None
    return sides[place], above


def _function(code: str) -> ast.FunctionDef | None:
    """The measure as a function; None if it is anything but one function or one expression."""
    try:
        tree = parse(code.strip())
    except (SyntaxError, ValueError, RecursionError):
        return None
    if len(tree.body) != 1:
        return None
    (only,) = tree.body
    if isinstance(only, ast.FunctionDef):
        return only
    if not isinstance(only, ast.Expr):
        return None
    made = parse("def success(episode):\n    return None").body[0]
    assert isinstance(made, ast.FunctionDef) and isinstance(made.body[0], ast.Return)
    made.body[0].value = only.value
    return made


def _returns_false(statement: ast.stmt) -> TypeGuard[ast.If]:
    if not (isinstance(statement, ast.If) and len(statement.body) == 1 and not statement.orelse):
        return False
    (only,) = statement.body
    return isinstance(only, ast.Return) and isinstance(only.value, ast.Constant) and only.value.value is False


def _operands(value: ast.expr) -> Iterator[ast.expr]:
    """What ``bool(a and (b and c))`` joins."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "bool" and value.args:
        yield from _operands(value.args[0])
    elif isinstance(value, ast.BoolOp) and isinstance(value.op, ast.And):
        for operand in value.values:
            yield from _operands(operand)
    else:
        yield value


def _truth(value: ast.expr) -> ast.expr:
    return _called("bool", value)


def _called(name: str, value: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [value], [])


def _sum(values: Sequence[ast.expr]) -> ast.expr:
    total = values[0]
    for value in values[1:]:
        total = ast.BinOp(total, ast.Add(), value)
    return total


def _names(value: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}


class _Reads:
    """Which fields of the episode an expression reads, by itself or through names that were assigned before."""

    def __init__(self, episode: str) -> None:
        self._episode = episode
        self._known: dict[str, tuple[str, ...]] = {}
        self._meant: dict[str, ast.expr] = {}

    def learn(self, statement: ast.Assign | ast.Expr) -> None:
        """Remember what the names of an assignment stand for."""
        found = self._fields(statement.value)
        for target in statement.targets if isinstance(statement, ast.Assign) else ():
            changed = _names(target)
            self._known |= dict.fromkeys(changed, found)
            # What was made of an earlier value of a name does not stand for anything any more.
            self._meant = {
                name: value
                for name, value in self._meant.items()
                if name not in changed and not _names(value) & changed
            }
            if isinstance(target, ast.Name) and not _names(statement.value) & changed:
                self._meant[target.id] = statement.value

    def constant(self, value: ast.expr) -> bool:
        """Whether a value is the same in all episodes of a task."""
        return not set(self._fields(value)) - {"horizon", "dt"}

    def meaning(self, value: ast.expr) -> ast.expr:
        """The expression that a name stands for in the end; another expression, and a name made of itself, as it is."""
        return self._meant.get(value.id, value) if isinstance(value, ast.Name) else value

    def of(self, value: ast.expr) -> tuple[str, ...]:
        """The fields; :data:`LENGTH` if it reads none but how long the episode is."""
        found = self._fields(value)
        fields = tuple(name for name in found if name not in ("length", "horizon", "dt", "terminated", "actions"))
        return fields or (LENGTH,)

    def _fields(self, value: ast.expr) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for node in ast.walk(value):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self._episode:
                found[node.attr] = None
            elif isinstance(node, ast.Name):
                found |= dict.fromkeys(self._known.get(node.id, ()))
        return tuple(found)
