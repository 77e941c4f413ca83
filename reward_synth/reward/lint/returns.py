"""The lint of what the entry function returns: a dict of named terms."""

from __future__ import annotations

import ast
import re

from reward_synth.reward.frames import MAXIMUM_NAME, MAXIMUM_TERMS
from reward_synth.reward.lint.allowed import TOTAL_NAMES
from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import single_assignments
from reward_synth.reward.namespace import BUILTINS

EXAMPLE = 'return {"forward": forward, "effort": effort}'


def check_returns(function: ast.FunctionDef, helpers: set[str], findings: Findings) -> None:
    """Check every ``return`` of ``compute_reward`` and the names of its terms."""
    returns = [node for node in _own_nodes(function) if isinstance(node, ast.Return)]
    if not _always_returns(function.body):
        findings.add(
            "no-return",
            "`compute_reward` can end without a `return`",
            f"end it with `{EXAMPLE}`",
            function.body[-1].end_lineno,
        )
    singles = single_assignments(function)
    names: set[str] = set()
    for node in returns:
        names |= _check_return(node, function, singles, helpers, findings)
    if len(names) > MAXIMUM_TERMS:
        findings.add(
            "too-many-terms",
            f"{len(names)} terms; at most {MAXIMUM_TERMS} are possible",
            "keep the few that matter",
            function.lineno,
        )


def _own_nodes(function: ast.FunctionDef) -> list[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    found: list[ast.AST] = []
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return sorted(found, key=lambda node: getattr(node, "lineno", 0))


def _always_returns(body: list[ast.stmt]) -> bool:
    for statement in body:
        if isinstance(statement, ast.Return | ast.Raise):
            return True
        if (
            isinstance(statement, ast.If)
            and statement.orelse
            and _always_returns(statement.body)
            and _always_returns(statement.orelse)
        ):
            return True
        if isinstance(statement, ast.With) and _always_returns(statement.body):
            return True
        if isinstance(statement, ast.Try) and (
            _always_returns(statement.finalbody)
            or (
                _always_returns([*statement.body, *statement.orelse])
                and all(_always_returns(handler.body) for handler in statement.handlers)
            )
        ):
            return True
    return False


def _check_return(
    node: ast.Return,
    function: ast.FunctionDef,
    singles: dict[str, ast.expr],
    helpers: set[str],
    findings: Findings,
) -> set[str]:
    value = node.value
    if isinstance(value, ast.Dict):
        return _check_keys(value, findings)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        if value.func.id == "dict" and not value.args:
            return {_check_name(keyword.arg, node.lineno, findings) for keyword in value.keywords if keyword.arg}
        if value.func.id in helpers:
            return set()  # What a helper returns, the probe sees.
    if isinstance(value, ast.Name):
        names = _built_names(value.id, function, findings)
        if names is not None:
            return names
    what, fix = _repair(value, singles)
    findings.add("wrong-return", f"`{_text(node)}` returns {what}, not a dict of named terms", fix, node.lineno)
    return set()


def _built_names(name: str, function: ast.FunctionDef, findings: Findings) -> set[str] | None:
    """Terms of a dict that is built in a local name, or None if the name is no such dict."""
    names: set[str] = set()
    is_dict = False
    for node in _own_nodes(function):
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id == name:
            if isinstance(value, ast.Dict):
                is_dict = True
                names |= _check_keys(value, findings, may_be_empty=True)
            elif isinstance(value, ast.Call | ast.DictComp | ast.IfExp):
                is_dict = not (isinstance(value, ast.Call) and _text(value.func) in ("float", "sum"))
        elif (
            isinstance(target, ast.Subscript)
            and isinstance(target.value, ast.Name)
            and target.value.id == name
            and isinstance(target.slice, ast.Constant)
        ):
            names.add(_check_name(target.slice.value, target.lineno, findings))
    return names if is_dict else None


def _check_keys(display: ast.Dict, findings: Findings, may_be_empty: bool = False) -> set[str]:
    if not display.keys and not may_be_empty:
        findings.add("no-terms", "an empty dict has no terms", f"`{EXAMPLE}`", display.lineno)
    names: list[str] = []
    for key in display.keys:
        line = (key or display).lineno
        if not isinstance(key, ast.Constant):
            text = _text(key) if key is not None else "**"
            findings.add("term-name", f"the term name `{text}` is not a string in quotes", f"`{EXAMPLE}`", line)
            continue
        name = _check_name(key.value, line, findings)
        if name in names:
            findings.add("duplicate-term", f"two terms are called `{name}`", "give each its own name", line)
        names.append(name)
    return set(names)


def _check_name(name: object, line: int, findings: Findings) -> str:
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or len(name) > MAXIMUM_NAME:
        plain = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_").lower()[:MAXIMUM_NAME] or "term"
        findings.add("term-name", f"{name!r} is not a plain name", f'call the term `"{plain}"`', line)
    elif name.lower() in TOTAL_NAMES:
        findings.add(
            "total-term",
            f"the term `{name}` would be added to the terms it sums up",
            f'delete `"{name}"`: the sum of the terms is made for you',
            line,
        )
    return str(name)


def _repair(value: ast.expr | None, singles: dict[str, ast.expr]) -> tuple[str, str]:
    """What a wrong return value is, and the line to write instead."""
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return "nothing", f"write `{EXAMPLE}`"
    if isinstance(value, ast.Tuple):
        for element in value.elts:
            resolved = singles.get(element.id) if isinstance(element, ast.Name) else element
            if isinstance(resolved, ast.Dict):
                return "a tuple", f"write `return {_text(element, 400)}`"
        return "a tuple", f"write `{EXAMPLE}`"
    resolved = singles.get(value.id, value) if isinstance(value, ast.Name) else value
    while isinstance(resolved, ast.Call) and _text(resolved.func) in ("float", "np.float64") and resolved.args:
        resolved = resolved.args[0]
    terms = _summands(resolved, "")
    if len(terms) > 1:
        pairs = ", ".join(f'"{name}": {text}' for name, text in _named(terms))
        return "one number", f"write `return {{{pairs}}}`"
    if isinstance(value, ast.Name) and value.id.lower() not in TOTAL_NAMES:
        return "one value", f'write `return {{"{value.id}": {value.id}}}`'
    return "one value", f'write `return {{"term": {_text(value, 200)}}}` with a telling name'


def _summands(node: ast.expr, sign: str) -> list[tuple[str, ast.expr]]:
    """The expressions that a sum adds up, each with its sign; a shallow walk down the left side."""
    right: list[tuple[str, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right.append(("-" if isinstance(node.op, ast.Sub) else "", node.right))
        node = node.left
    return [(sign, node), *reversed(right)]


def _named(terms: list[tuple[str, ast.expr]]) -> list[tuple[str, str]]:
    named: list[tuple[str, str]] = []
    for number, (sign, node) in enumerate(terms[:MAXIMUM_TERMS], 1):
        words = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in ("np", "math", *BUILTINS)]
        fields = [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr not in ("linalg",)]
        local = [word for word in words if word not in ("state", "next_state", "action")]
        name = (local or fields or [f"term_{number}"])[0]
        name = re.sub(r"^(r|reward)_", "", name) or name
        while name in [known for known, _ in named] or name.lower() in TOTAL_NAMES:
            name = f"{name}_{number}"
        text = _text(node, 200)
        named.append((name, f"-({text})" if sign and not isinstance(node, ast.Name) else sign + text))
    return named


def _text(node: ast.AST, limit: int = 80) -> str:
    text = ast.unparse(node)
    return text if len(text) <= limit else text[: limit - 3] + "..."
