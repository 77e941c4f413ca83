"""The attacks and the harmless rewards, and how those of the shared corpus are put into this project's contract.

The shared corpus defines ``compute_reward(obs, action, next_obs, info)``. It is adapted in two ways:

- :func:`wrapped`, for running: the original text stays as it is, and a function of the contract's form is added below
  it, which calls it. What is no number comes out as the text of an exception, the widest channel that there is.
- :func:`renamed`, for the lint, which would otherwise judge the wrapper: ``obs`` becomes ``state.obs``, ``next_obs``
  ``next_state.obs``, ``info["x"]`` and ``info.get("x")`` ``next_state.x``, ``info`` elsewhere ``next_state``, and what
  is returned a dict of terms. Everything else is untouched, so that a refusal is about the attack. Text that Python
  cannot parse is left alone.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "containment"
FILES = {"shared": "shared_attacks.jsonl", "own": "attacks.jsonl"}

LAYOUT: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("x_velocity", ()),
    ("y_velocity", ()),
    ("height", ()),
    ("pitch", ()),
    ("dt", ()),
    ("ee_pos", (3,)),
    ("object_pos", (3,)),
    ("goal_pos", (3,)),
    ("object_quat", (4,)),
    ("gripper_width", ()),
    ("joints", (6,)),
    ("obs", (40,)),
)
ACTION_SIZE = 8
INFO = ("x_velocity", "y_velocity", "dt", "ee_pos", "object_pos", "goal_pos", "object_quat", "gripper_width")

GOOD_REWARD = """\
import numpy as np


def compute_reward(state, action, next_state):
    distance = float(np.linalg.norm(next_state.goal_pos - next_state.object_pos))
    return {"speed": next_state.x_velocity, "reach": -distance, "effort": -0.1 * float(np.dot(action, action))}
"""

_FIELDS = ", ".join(f'"{name}": next_state.{name}' for name in INFO)
# It must run with the contract's few builtins too.
WRAPPER = f"""

_original_reward = compute_reward


def compute_reward(state, action, next_state):
    result = _original_reward(state.obs, action, next_state.obs, {{{_FIELDS}}})
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
        return result[1]
    if isinstance(result, (dict, float, int)):
        return result if isinstance(result, dict) else {{"value": result}}
    text = str(result)
    try:
        return {{"value": float(result if not isinstance(result, str) else "text")}}
    except (TypeError, ValueError):
        pass
    start = max(text.find("CANARY"), 0)
    raise ValueError("returned " + text[start:start + 200])
"""


DEFAULTS_WRAPPER = """

_original_reward = compute_reward


def compute_reward(state, action, next_state):
    return _original_reward(state, action, next_state)
"""


@dataclass(frozen=True)
class Attack:
    """One snippet of a corpus."""

    corpus: str
    id: str
    kind: str
    why: str
    code: str

    @property
    def runnable(self) -> str:
        """The text that is run by the project's contract."""
        return wrapped(self.code) if self.corpus == "shared" else without_defaults(self.code)

    @property
    def lintable(self) -> str:
        """The text that is judged by the lint."""
        return renamed(self.code) if self.corpus == "shared" else self.code


def load(corpora: Iterable[str] = ("shared", "own"), folder: Path = FOLDER) -> list[Attack]:
    """All attacks of these corpora; a corpus without a file is left out."""
    attacks = []
    for corpus in corpora:
        path = folder / FILES[corpus]
        if path.exists():
            attacks += _read(path, corpus)
    return attacks


def load_benign(folder: Path = FOLDER) -> list[Attack]:
    """The harmless rewards of the shared corpus."""
    return _read(folder / "benign.jsonl", "shared")


def _read(path: Path, corpus: str) -> list[Attack]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Attack(corpus, r["id"], r["class"], r["why"], r["code"]) for r in records]


def wrapped(code: str) -> str:
    """The original and a function of the contract's form that calls it."""
    return code + WRAPPER


def without_defaults(code: str) -> str:
    """The original, or a function of three parameters around one whose fourth has a default and is not ``memory``.

    The reward process would hand a fourth parameter the episode's memory in place of its default.
    """
    try:
        functions = [n for n in ast.parse(code).body if isinstance(n, ast.FunctionDef) and n.name == "compute_reward"]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    if not functions or [argument.arg for argument in functions[-1].args.args][3:] in ([], ["memory"]):
        return code
    return code + DEFAULTS_WRAPPER


def renamed(code: str) -> str:
    """The original with the contract's parameters; itself, if Python cannot parse it."""
    try:
        tree = ast.parse(code)
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == "compute_reward":
                _Parameters(statement).apply()
        return ast.unparse(ast.fix_missing_locations(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code


class _Parameters(ast.NodeTransformer):
    """Puts the contract's parameters in place of the corpus'."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.function = function
        self.inner = 0
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        self.assigned = {node.id for node in names if isinstance(node.ctx, ast.Store)}

    def apply(self) -> None:
        arguments = self.function.args.args
        for argument, name in zip(arguments, ("state", "action", "next_state"), strict=False):
            argument.arg = name
            argument.annotation = None
        del arguments[3]
        first = []
        for old, new in (("obs", "state.obs"), ("next_obs", "next_state.obs"), ("info", "next_state")):
            if old in self._plainly_assigned():
                first += ast.parse(f"{old} = {new}").body
        self.function.body = first + [self.visit(statement) for statement in self.function.body]

    def _plainly_assigned(self) -> set[str]:
        # `next_obs += 1` writes to the parameter; `obs = ...` makes a new variable.
        augmented = {
            node.target.id
            for node in ast.walk(self.function)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
        }
        return self.assigned - augmented

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._nested(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._nested(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._nested(node)

    def _nested(self, node: ast.AST) -> ast.AST:
        self.inner += 1
        self.generic_visit(node)
        self.inner -= 1
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._plainly_assigned():
            return node
        if node.id in ("obs", "next_obs"):
            view = "state" if node.id == "obs" else "next_state"
            return ast.Attribute(ast.Name(view, ast.Load()), "obs", node.ctx)
        return ast.Name("next_state", node.ctx) if node.id == "info" else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if self._is_info(node.value) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self._field(node.slice.value, node.ctx, node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = node.func
        got = isinstance(function, ast.Attribute) and function.attr == "get" and self._is_info(function.value)
        if got and node.args and isinstance(node.args[0], ast.Constant):
            return self._field(str(node.args[0].value), ast.Load(), node)
        return self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        value = node.value
        if self.inner or value is None or isinstance(value, ast.Dict):
            return node
        if isinstance(value, ast.Tuple) and len(value.elts) == 2:
            if isinstance(value.elts[1], ast.Dict):
                return ast.Return(value.elts[1])
            value = value.elts[0]
        return ast.Return(ast.Dict([ast.Constant("value")], [value]))

    def _is_info(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == "info" and "info" not in self._plainly_assigned()

    def _field(self, name: str, context: ast.expr_context, node: ast.AST) -> ast.AST:
        if not name.isidentifier():
            return self.generic_visit(node)
        return ast.Attribute(ast.Name("next_state", ast.Load()), name, context)
