"""The lint of what the entry function returns: a dict of named terms."""

from __future__ import annotations

import ast
import re

from reward_synth.reward.frames import MAXIMUM_NAME, MAXIMUM_TERMS
from reward_synth.reward.lint.allowed import TOTAL_NAMES
from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import single_assignments
from reward_synth.reward.lint.syntax import text_of
from reward_synth.reward.namespace import BUILTINS

EXAMPLE = 'return {"forward": forward, "effort": effort}'


def check_returns(function: ast.FunctionDef, helpers: set[str], findings: Findings) -> tuple[str, ...]:
    """Check every ``return`` of ``compute_reward``; returns the names of its terms that the text shows."""
    returns = [node for node in _own_nodes(function) if isinstance(node, ast.Return)]
    if not _always_returns(function.body):
        findings.add(
            "no-return",
            "`compute_reward` can end without a `return`",
            f"end it with `{EXAMPLE}`",
            function.body[-1].end_lineno,
        )
    singles = single_assignments(function)
    names: dict[str, None] = {}
    for node in returns:
        names |= _check_return(node, function, singles, helpers, findings)
    if len(names) > MAXIMUM_TERMS:
        message = f"{len(names)} terms; at most {MAXIMUM_TERMS} are possible"
        findings.add("too-many-terms", message, line=function.lineno)
    return tuple(names)


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
    return any(map(_returns, body))


def _returns(statement: ast.stmt) -> bool:
    """True if nothing after the statement is reached."""
    match statement:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=yes, orelse=no):
            return _always_returns(yes) and _always_returns(no)
        case ast.With(body=body):
            return _always_returns(body)
        case ast.Try(body=body, handlers=handlers, orelse=rest, finalbody=last):
            whole = _always_returns([*body, *rest]) and all(_always_returns(handler.body) for handler in handlers)
            return whole or _always_returns(last)
    return False


def _check_return(
    node: ast.Return,
    function: ast.FunctionDef,
    singles: dict[str, ast.expr],
    helpers: set[str],
    findings: Findings,
) -> dict[str, None]:
    match node.value:
        case ast.Dict() as display:
            return _check_keys(display, findings)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return dict.fromkeys(_check_name(each.arg, node.lineno, findings) for each in keywords if each.arg)
        case ast.Call(func=ast.Name(id=helper)) if helper in helpers:
            return {}  # The probe checks what a helper returns.
        case ast.Name(id=name) if (names := _built_names(name, function, findings)) is not None:
            return names
    what, fix = _repair(node.value, singles)
    findings.add("wrong-return", f"`{text_of(node)}` returns {what}, not a dict of named terms", fix, node.lineno)
    return {}


def _built_names(name: str, function: ast.FunctionDef, findings: Findings) -> dict[str, None] | None:
    """Terms of a dict that is built under a local name; None if the name is not such a dict."""
    names: dict[str, None] = {}
    is_dict = False
    for node in _own_nodes(function):
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
                match target, value:
                    case ast.Name(id=bound), ast.Dict() as display if bound == name:
                        is_dict = True
                        names |= _check_keys(display, findings, may_be_empty=True)
                    case ast.Name(id=bound), ast.Call(func=ast.Name(id="float" | "sum")) if bound == name:
                        is_dict = False
                    case ast.Name(id=bound), ast.Call() | ast.DictComp() | ast.IfExp() if bound == name:
                        is_dict = True
                    case ast.Subscript(value=ast.Name(id=bound), slice=ast.Constant(value=term)), _ if bound == name:
                        names[_check_name(term, target.lineno, findings)] = None
    return names if is_dict else None


def _check_keys(display: ast.Dict, findings: Findings, may_be_empty: bool = False) -> dict[str, None]:
    if not display.keys and not may_be_empty:
        findings.add("no-terms", "an empty dict has no terms", f"`{EXAMPLE}`", display.lineno)
    names: list[str] = []
    for key in display.keys:
        line = (key or display).lineno
        if not isinstance(key, ast.Constant):
            text = text_of(key) if key is not None else "**"
            findings.add("term-name", f"the term name `{text}` is not a string in quotes", f"`{EXAMPLE}`", line)
            continue
        name = _check_name(key.value, line, findings)
        if name in names:
            findings.add("duplicate-term", f"two terms are called `{name}`", line=line)
        names.append(name)
    return dict.fromkeys(names)


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
                return "a tuple", f"write `return {text_of(element, 400)}`"
        return "a tuple", f"write `{EXAMPLE}`"
    resolved = singles.get(value.id, value) if isinstance(value, ast.Name) else value
    while isinstance(resolved, ast.Call) and text_of(resolved.func) in ("float", "np.float64") and resolved.args:
        resolved = resolved.args[0]
    terms = _summands(resolved)
    if len(terms) > 1:
        pairs = ", ".join(f'"{name}": {text}' for name, text in _named(terms))
        return "one number", f"write `return {{{pairs}}}`"
    if isinstance(value, ast.Name) and value.id.lower() not in TOTAL_NAMES:
        return "one value", f'write `return {{"{value.id}": {value.id}}}`'
    return "one value", f'write `return {{"term": {text_of(value, 200)}}}` with a telling name'


def _summands(node: ast.expr) -> list[tuple[str, ast.expr]]:
    """The expressions that a sum adds up, each with its sign. Sums inside of right operands are not split."""
    right: list[tuple[str, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right.append(("-" if isinstance(node.op, ast.Sub) else "", node.right))
        node = node.left
    return [("", node), *reversed(right)]


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
        text = text_of(node, 200)
        named.append((name, f"-({text})" if sign and not isinstance(node, ast.Name) else sign + text))
    return named
