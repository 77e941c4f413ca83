"""The lint's rules about writes: to the inputs, which are read-only, and to values at the module's top level.

To find out whose memory a value shares, names that are bound once and slices are followed. Writes by helpers to their
arguments are not checked here: the read-only arrays raise when the code runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import Declared, Scope, parameters, single_assignments, walked
from reward_synth.reward.lint.syntax import operator_text, text_of

CHANGING = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "pop", "remove", "clear"})
DEEPEST = 100
"""Most steps from one name to the next that it stands for."""


class Writes:
    """Checks one function and adds to ``findings``.

    :param kept: names of values at the top level of the module.
    """

    def __init__(
        self, function: ast.FunctionDef, declared: Declared, scope: Scope, kept: set[str], findings: Findings
    ) -> None:
        self.function, self.declared, self.scope, self.findings = function, declared, scope, findings
        # `+=` changes an array's content, but not whose memory it is.
        self.names = single_assignments(function, augmented=True)
        names = [node for node in walked(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
        changed = {id(node.target) for node in walked(function) if isinstance(node, ast.AugAssign)}
        arguments = {node.arg for node in walked(function) if isinstance(node, ast.arg)}
        self.inputs = set(parameters(function)) - {node.id for node in names if id(node) not in changed}
        self.kept = kept - arguments - {node.id for node in names}

    def read(self) -> None:
        """Check every write inside."""
        for node in walked(self.function):
            match node:
                case ast.AugAssign(target=ast.Name() as name):
                    self._augmented(node, name)
                case ast.Call(func=ast.Attribute(attr=method, value=owner)) if method in CHANGING:
                    self._write(node, owner, only_kept=True)
            for target in _targets(node):
                if isinstance(target, ast.Subscript):
                    self._write(target, target.value)

    def memory_of(self, node: ast.expr, depth: int = DEEPEST) -> str | None:
        """Whose memory a value shares: text of a field, ``action``, or a name of the module; None for no other's.

        An element of an array is a number, which shares no memory.
        """
        if depth == 0:
            return None
        step = self.declared.entry == "compute_reward"
        match node:
            case ast.Name(id=name) if name in self.names:
                return self.memory_of(self.names[name], depth - 1)
            case ast.Name(id=name) if name in self.kept or (step and name == "action" and name in self.inputs):
                return name
            case ast.Attribute() if field := self.scope.field_read(node):
                layout = dict(self.declared.layout)
                is_array = bool(layout.get(field)) if step else field in (*layout, "action")
                return text_of(node) if is_array else None
            case ast.Subscript(value=owner, slice=index):
                memory = self.memory_of(owner, depth - 1)
                return memory if memory in self.kept or isinstance(index, ast.Slice) else None
        return None

    def _augmented(self, node: ast.AugAssign, target: ast.Name) -> None:
        memory = self.memory_of(target)
        text = text_of(node)
        if target.id in self.scope.views:
            message = f"`{text}` changes the state, which is read-only"
            self.findings.add("writes-input", message, "delete it", node.lineno)
        elif memory is not None and memory not in self.kept:
            sign = operator_text(node.op)
            fix = f"make a new value: `new_{_plain(target.id)} = {target.id} {sign} {text_of(node.value)}`"
            message = f"`{text}` changes `{memory}`, which is read-only"
            self.findings.add("writes-input", message, fix, node.lineno)

    def _write(self, node: ast.expr, owner: ast.expr, only_kept: bool = False) -> None:
        """Report a write into a value that does not belong to the function."""
        memory, shown = self.memory_of(owner), text_of(owner)
        if memory in self.kept:
            message = f"`{memory}` stands outside the function and is changed in it"
            self.findings.add("module-state", message, line=node.lineno)
        elif memory is not None and not only_kept:
            message = f"`{shown}` is read-only"
            if not shown.startswith(memory):
                message = f"`{shown}` is the memory of `{memory}`, which is read-only"
            self.findings.add("writes-input", message, "make a copy first: `np.array(x)`", node.lineno)


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    """The targets that a statement binds or writes to; tuples are split into their elements."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.comprehension):
        targets = [node.target]
    while targets:
        target = targets.pop()
        if isinstance(target, ast.Tuple | ast.List):
            targets += target.elts
        else:
            yield target


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text).strip("_") or "value"
