"""Which expressions a task file may give for a field of its own: arithmetic over the state, and nothing that acts.

A task file may be somebody else's, and its expressions run where the simulator does. So they are read before they run,
and only what cannot do anything but compute is let through: a list of what is allowed, not of what is forbidden.
"""

from __future__ import annotations

import ast

FUNCTIONS: dict[str, int] = {
    "abs": 1, "arccos": 1, "arcsin": 1, "arctan": 1, "array": 1, "ceil": 1, "cos": 1, "deg2rad": 1, "exp": 1,
    "floor": 1, "log": 1, "rad2deg": 1, "sign": 1, "sin": 1, "sqrt": 1, "square": 1, "tan": 1, "tanh": 1,
    "arctan2": 2, "cross": 2, "dot": 2, "hypot": 2, "max": 2, "maximum": 2, "mean": 2, "min": 2, "minimum": 2,
    "mod": 2, "prod": 2, "round": 2, "sum": 2, "clip": 3, "where": 3,
}  # fmt: skip
"""Functions of numpy, as ``np.sin``, and how many arguments each takes at most: where there is one more, numpy would
write its result into it, and that could be the simulator's state."""
LINEAR_ALGEBRA = frozenset({"norm"})
"""Of ``np.linalg``."""
PARTS = frozenset({"actuator", "body", "geom", "joint", "sensor", "site", "tendon"})
"""MuJoCo's look-ups by name, as ``data.body("ball").xpos``."""
CONSTANTS = frozenset({"pi"})
LONGEST = 500

_OPERATIONS = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List, ast.Slice,
    ast.Load, ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)  # fmt: skip


def check_expression(text: str) -> str | None:
    """What is wrong with an expression over ``observation``, ``model``, ``data`` and ``np``; None if nothing is."""
    if len(text) > LONGEST:
        return f"it has more than {LONGEST} characters"
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        return f"it is no Python expression ({getattr(error, 'msg', error)})"
    return next((fault for node in ast.walk(tree) if (fault := _fault(node) or _growth(node))), None)


def _growth(node: ast.AST) -> str | None:
    """What could take all memory or time: `[0] * 10**9` is arithmetic too."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        if not _is_small(node.right):
            return f"the exponent in `{ast.unparse(node)}` must be a number of at most 10"
        if any(isinstance(each, ast.Pow) for each in ast.walk(node.left)):
            return f"`{ast.unparse(node)}` is a power of a power"
    if isinstance(node, ast.Expression | ast.List | ast.Tuple | ast.Call | ast.keyword):
        return None
    for each in [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node):
        if isinstance(each, ast.List | ast.Tuple) or (isinstance(each, ast.Constant) and isinstance(each.value, str)):
            return f"`{ast.unparse(each)}` may only be the whole, an argument or an index"
    return None


def _fault(node: ast.AST) -> str | None:
    if isinstance(node, _OPERATIONS) or (isinstance(node, ast.Constant) and isinstance(node.value, int | float | str)):
        return None
    if isinstance(node, ast.Name):
        known = node.id in ("observation", "model", "data", "np")
        return None if known else f"`{node.id}` is not known here; there are observation, model, data and np"
    if isinstance(node, ast.Subscript):
        return None
    if isinstance(node, ast.Attribute):
        return _attribute_fault(node)
    if isinstance(node, ast.Call):
        return _call_fault(node)
    if isinstance(node, ast.keyword):
        return None if node.arg == "axis" else "only `axis` may be given by name"
    return f"`{ast.unparse(node)}` is not allowed"


def _is_small(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and abs(node.value) <= 10


def _attribute_fault(node: ast.Attribute) -> str | None:
    text = ast.unparse(node)
    if node.attr.startswith("_"):
        return f"`{text}` is private"
    if isinstance(node.value, ast.Name) and node.value.id == "np":
        known = node.attr in FUNCTIONS or node.attr in CONSTANTS or node.attr == "linalg"
        return None if known else f"`{text}` is not among the functions allowed: {', '.join(sorted(FUNCTIONS))}"
    if ast.unparse(node.value) == "np.linalg":
        return None if node.attr in LINEAR_ALGEBRA else f"`{text}` is not allowed; np.linalg.norm is"
    # Of the state: an array of it, or of one of its parts. What is read from an array does nothing but compute.
    whole = isinstance(node.value, ast.Name) and node.value.id in ("model", "data")
    return (
        None if whole or _is_part(node.value) else f"`{text}` is neither a part of model or data nor a function of np"
    )


def _is_part(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("model", "data")
        and node.func.attr in PARTS
    )


def _call_fault(node: ast.Call) -> str | None:
    text = ast.unparse(node.func)
    if text.startswith("np."):
        most = 2 if text[10:] in LINEAR_ALGEBRA else FUNCTIONS.get(text[3:])
        if most is None:
            return f"`{text}` is not allowed"
        return None if 1 <= len(node.args) <= most else f"`{text}` takes 1 to {most} arguments"
    if not _is_part(node):
        return f"`{text}(…)` is not allowed"
    named = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and not node.keywords
    return None if named else f"`{text}(…)` takes one name, in quotes"
