"""The lint of what a reward pays for by mistake: forms that run well and teach something else than was meant.

Each form is recognised only where its meaning is certain from the text, because a sound reward must not be accused.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping

from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import single_assignments

SMALL = 0.02
"""A number up to this, added to a denominator, only keeps it from being 0."""
MOST_NAMES = 100
"""Names that are looked up for one expression: the text is anybody's, and names may stand for sums of names."""
_SUMS = ("sum", "np.sum", "np.mean", "action.sum", "action.mean")
_COSTS = ("effort", "energy", "control", "ctrl", "torque", "power", "cost", "penalty")
"""Words in the name of a term that charges for what the action spends, whichever way it pushes."""
_DISTANCES = ("abs", "np.abs", "np.linalg.norm", "np.hypot", "np.sqrt", "math.hypot", "math.sqrt", "math.dist")
_AT_LEAST = ("max", "np.maximum", "np.fmax")

_VARYING = {"state", "action", "next_state", "memory"}
_SIGNED = "`{}` has a sign: half of it pays for pushing the other way"


def check_hazards(function: ast.FunctionDef, findings: Findings) -> None:
    """Report them in the entry function."""
    singles = single_assignments(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            _check_call(node, singles, findings)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            _check_quotient(node, singles, findings)
        elif isinstance(node, ast.Dict):
            _check_terms(node, singles, findings)
    for name, value in _unused(function, singles):
        message = f"`{name}` is computed from the state and is in no term"
        findings.add("unused-value", message, f"return it as a term, or delete `{name}`", value.lineno)


def _check_call(node: ast.Call, singles: Mapping[str, ast.expr], findings: Findings) -> None:
    called = ast.unparse(node.func)
    summed = node.args[:1] or ([node.func.value] if isinstance(node.func, ast.Attribute) else [])
    if called in _SUMS and summed and ast.unparse(summed[0]) == "action":
        findings.add("signed-action", _SIGNED.format(ast.unparse(node)), line=node.lineno)
    progress = _clipped_at_zero(node, called)
    if progress is not None and _is_approach(_resolved(progress, singles)):
        message = f"`{ast.unparse(node)[:120]}` pays for each step nearer, and a step away costs nothing"
        findings.add("one-way-progress", message, line=node.lineno)


def _check_terms(node: ast.Dict, singles: Mapping[str, ast.expr], findings: Findings) -> None:
    for key, value in zip(node.keys, node.values, strict=True):
        name = str(key.value).lower() if isinstance(key, ast.Constant) else ""
        element = _multiple_of_action(_resolved(value, singles))
        if element is not None and any(word in name for word in _COSTS):
            findings.add("signed-action", _SIGNED.format(ast.unparse(element)), line=value.lineno)


def _multiple_of_action(value: ast.expr) -> ast.expr | None:
    """The element of the action that a value is a multiple of; None if it is anything else.

    Such a term may well be meant, to close a gripper; to charge for effort it is not.
    """
    while True:
        match value:
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inside):
                value = inside
            case ast.Call(func=ast.Name(id="float"), args=[inside], keywords=[]):
                value = inside
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if not _VARYING & _names(left):
                value = right
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right) if not _VARYING & _names(right):
                value = left
            case ast.Subscript(value=ast.Name(id="action"), slice=ast.Constant()):
                return value
            case _:
                return None


def _clipped_at_zero(node: ast.Call, called: str) -> ast.expr | None:
    """What a call cuts off below 0; None for any other call."""
    if called in _AT_LEAST and len(node.args) == 2 and not node.keywords:
        zeros = [arg for arg in node.args if isinstance(arg, ast.Constant) and arg.value == 0]
        return next((arg for arg in node.args if arg not in zeros), None) if zeros else None
    low = node.args[1] if called == "np.clip" and len(node.args) == 3 else None
    return node.args[0] if isinstance(low, ast.Constant) and low.value == 0 else None


def _is_approach(value: ast.expr) -> bool:
    """True for a distance before the step less the same after it, with or without a factor.

    Progress that has no goal (a position, what was collected) is left alone: going to and fro gains less than going on.
    """
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.Div):
        value = value.right if isinstance(value.left, ast.Constant) else value.left
    if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub)):
        return False
    calls = (node for node in ast.walk(value.left) if isinstance(node, ast.Call))
    if not any(ast.unparse(call.func) in _DISTANCES for call in calls):
        return False
    before, after = ast.dump(value.left), ast.dump(value.right)
    return "id='next_state'" not in before and before == after.replace("id='next_state'", "id='state'") != after


def _check_quotient(node: ast.BinOp, singles: Mapping[str, ast.expr], findings: Findings) -> None:
    below = _resolved(node.right, singles)
    distance = below
    if isinstance(below, ast.BinOp) and isinstance(below.op, ast.Add):
        terms = [below.left, below.right]
        small = [each for each in terms if isinstance(each, ast.Constant) and 0 < _number(each) <= SMALL]
        distance = next((each for each in terms if each not in small), below) if small else below
    is_distance = isinstance(distance, ast.Call) and ast.unparse(distance.func) in _DISTANCES
    if is_distance and isinstance(node.left, ast.Constant):
        message = f"`{ast.unparse(node)[:120]}` is one over a distance: it is huge beside the goal and flat elsewhere"
        findings.add("inverse-distance", message, line=node.lineno)


def _number(node: ast.Constant) -> float:
    return float(node.value) if isinstance(node.value, int | float) else 0.0


def _unused(function: ast.FunctionDef, singles: Mapping[str, ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    """Names that hold what was computed from the state and that nothing reads, where each term is such a name."""
    shown = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    terms = [value for node in shown if isinstance(node, ast.Dict) for value in node.values]
    if not terms or not all(isinstance(node, ast.Dict) for node in shown):
        return
    read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for name, value in singles.items():
        computed = isinstance(value, ast.BinOp | ast.Call | ast.UnaryOp) and not name.startswith("_")
        if name in read or not computed or not all(isinstance(term, ast.Name) for term in terms):
            continue
        if {"state", "next_state"} & _names(_resolved(value, singles)):
            yield name, value


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


class _Resolve(ast.NodeTransformer):
    def __init__(self, singles: Mapping[str, ast.expr]) -> None:
        self.singles, self.left = singles, MOST_NAMES

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self.singles.get(node.id)
        self.left -= 1
        return node if value is None or self.left < 0 else self.visit(copy.deepcopy(value))


def _resolved(node: ast.expr, singles: Mapping[str, ast.expr]) -> ast.expr:
    """The expression with local names replaced by what they stand for, as far as it stays short."""
    resolved: ast.expr = _Resolve(singles).visit(copy.deepcopy(node))
    return resolved
