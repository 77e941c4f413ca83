"""The parts of a success measure that are joined by ``and``, and how many episodes fulfil each of them.

A measure that fails says nothing of how near it was. Who writes the next reward must not read the measure's code, but
may know which of its conditions holds, and which fields that one reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from reward_synth.core.deaths import tried_again
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.evaluation.scoring import measured_table
from reward_synth.reward.contract import RewardError
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

MOST = 16
"""More conditions are not told apart: the numbers of a text would say little."""
LENGTH = "the episode's length"


@dataclass(frozen=True)
class Condition:
    """One condition of a success measure."""

    reads: tuple[str, ...]
    """The fields that it reads, or :data:`LENGTH`."""
    fulfilled: int
    """Episodes that fulfil it."""


def conditions_held(task: TaskSpec, table: FieldTable, episodes: Sequence[Episode]) -> tuple[Condition, ...]:
    """How many episodes fulfil each condition of the task's success, in the order of its code.

    Empty if the measure does not consist of several conditions, or if one of them fails alone.
    """
    parts = split_success(task.success)
    if parts is None or not episodes:
        return ()
    code, reads = parts
    measured = measured_table(task, table)

    def counted() -> list[int]:
        counts = [0] * len(reads)
        with ScoringProcess("False", code, measured.layout()) as process:
            for each in episodes:
                rows = each.subset(measured.names)
                score = process.score(rows, each.actions, each.dt, each.horizon, each.terminated)
                counts = [count + (int(score.fitness) >> bit & 1) for bit, count in enumerate(counts)]
        return counts

    try:
        counts = tried_again(counted)
    except MachineFault:
        raise
    except (RewardError, RewardSynthError):
        return ()
    return tuple(Condition(*each) for each in zip(reads, counts, strict=True))


def split_success(code: str) -> tuple[str, list[tuple[str, ...]]] | None:
    """Code of a ``fitness`` whose bits say which conditions hold, and what each condition reads; None if there is one.

    ``if …: return False`` is a condition as well: that its test is false.
    """
    function = _function(code)
    if function is None or not isinstance(function.body[-1], ast.Return) or function.body[-1].value is None:
        return None
    reads = _Reads(function.args.args[0].arg if function.args.args else "episode")
    body: list[ast.stmt] = []
    conditions: list[tuple[ast.expr, tuple[str, ...]]] = []
    for statement in function.body[:-1]:
        if _returns_false(statement):
            name = f"guard_{len(conditions)}"
            test = ast.UnaryOp(ast.Not(), statement.test)
            body.append(ast.Assign([ast.Name(name, ast.Store())], test))
            conditions.append((ast.Name(name, ast.Load()), reads.of(statement.test)))
        elif isinstance(statement, (ast.Assign, ast.Expr)):
            reads.learn(statement)
            body.append(statement)
        else:
            return None
    for operand in _operands(function.body[-1].value):
        conditions.append((operand, reads.of(operand)))
    if not 2 <= len(conditions) <= MOST:
        return None
    bits = [ast.BinOp(ast.Constant(1 << bit), ast.Mult(), _truth(each)) for bit, (each, _) in enumerate(conditions)]
    total = ast.Call(ast.Name("float", ast.Load()), [_sum(bits)], [])
    made = ast.FunctionDef("fitness", function.args, [*body, ast.Return(total)], [])
    return ast.unparse(ast.fix_missing_locations(ast.Module([made], []))), [found for _, found in conditions]


def _function(code: str) -> ast.FunctionDef | None:
    """The measure as a function; None if it is anything but one function or one expression."""
    try:
        tree = ast.parse(code.strip())
    except (SyntaxError, ValueError, RecursionError):
        return None
    if len(tree.body) != 1:
        return None
    (only,) = tree.body
    if isinstance(only, ast.FunctionDef):
        return only
    if not isinstance(only, ast.Expr):
        return None
    made = ast.parse("def success(episode):\n    return None").body[0]
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
    return ast.Call(ast.Name("bool", ast.Load()), [value], [])


def _sum(values: Sequence[ast.expr]) -> ast.expr:
    total = values[0]
    for value in values[1:]:
        total = ast.BinOp(total, ast.Add(), value)
    return total


class _Reads:
    """Which fields of the episode an expression reads, by itself or through names that were assigned before."""

    def __init__(self, episode: str) -> None:
        self._episode = episode
        self._known: dict[str, tuple[str, ...]] = {}

    def learn(self, statement: ast.Assign | ast.Expr) -> None:
        """Remember what the names of an assignment stand for."""
        found = self._fields(statement.value)
        for target in statement.targets if isinstance(statement, ast.Assign) else ():
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    self._known[node.id] = found

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
