"""The lint: precise errors that a small model can repair, before anything runs.

It compares the syntax tree with lists of what is allowed. It helps authors to write correct rewards. It does not
contain hostile code; no static check can do that.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from reward_synth.core.types import Finding
from reward_synth.reward.lint import scopes
from reward_synth.reward.lint.hazards import check_hazards
from reward_synth.reward.lint.returns import EXAMPLE, check_returns
from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.lint.scopes import Declared, Scope, parameters, walked
from reward_synth.reward.lint.source import parse_source
from reward_synth.reward.lint.undefined import Reader
from reward_synth.reward.lint.walker import Walker
from reward_synth.reward.lint.writes import Writes
from reward_synth.reward.namespace import PARAMETERS, Entry
from reward_synth.state.view import Layout


@dataclass(frozen=True)
class LintReport:
    """What the lint found."""

    findings: tuple[Finding, ...]
    fields: tuple[str, ...]
    """The fields that the code may read, in the layout's order: a superset of what it does read."""
    uses_memory: bool
    """True if ``compute_reward`` has the fourth parameter."""
    terms: tuple[str, ...] = ()
    """Names of terms that ``compute_reward`` shows in its text; none if a helper function makes the dict."""

    @property
    def ok(self) -> bool:
        """True if there is no error; there may be warnings."""
        return not any(finding.severity == "error" for finding in self.findings)


def lint(source: str, layout: Layout, entry: Entry = "compute_reward", action_size: int | None = None) -> LintReport:
    """Check a reward, or a task's success or fitness.

    :param source: the file's text; for ``success`` and ``fitness`` also one expression over ``episode``.
    :param layout: all fields of the environment.
    :param entry: the function that the source defines.
    :param action_size: elements of an action, to check indices; None: not checked.
    :returns: the findings and the fields that the source reads. It never raises, whatever the source is.
    """
    findings = Findings()
    tree = parse_source(source, entry, findings)
    if tree is None:
        return LintReport(findings.ordered(), (), False)
    attributes = {node.attr for node in walked(tree) if isinstance(node, ast.Attribute)}
    fields = tuple(name for name, _ in layout if name in attributes)
    declared = Declared(layout, entry, action_size)
    uses_memory = False
    terms: tuple[str, ...] = ()
    if isinstance(tree, ast.Expression):
        scope = Scope(names={"np", "math", "episode"} | scopes.bound_names(tree), views={"episode"})
        aliases = {"np": "np", "math": "math"}
        Walker(declared, aliases, set(), scope, findings).visit(tree)
        Reader(declared, scope, {}, {}).check(tree, findings)
    else:
        uses_memory, terms = _check_module(tree, declared, findings)
    if not fields and not findings and entry == "compute_reward":
        example = layout[0][0] if layout else "field"
        findings.add("no-state", "the reward reads no field of the state", f"read one: `next_state.{example}`")
    return LintReport(findings.ordered(), fields, uses_memory, terms)


def _check_module(tree: ast.Module, declared: Declared, findings: Findings) -> tuple[bool, tuple[str, ...]]:
    """Check a module; tell whether its entry function takes ``memory``, and the terms that it shows."""
    functions = scopes.top_functions(tree)
    module = scopes.module_names(tree)
    aliases = scopes.import_aliases(tree)
    if declared.entry != "compute_reward":
        module |= {"np", "math"}
        aliases = {"np": "np", "math": "math", **aliases}
    _check_top_level(tree, findings)
    entry = functions.get(declared.entry)
    if entry is None:
        _no_function(declared, functions, findings)
    else:
        _check_signature(entry, declared, findings)
    _check_statements(tree, declared, aliases, module, findings)
    _check_recursion(functions, findings)
    if entry is None or declared.entry != "compute_reward":
        return False, ()
    check_hazards(entry, findings)
    terms = check_returns(entry, set(functions) - {declared.entry}, findings)
    return len(parameters(entry)) == 4, terms


def _check_statements(
    tree: ast.Module, declared: Declared, aliases: dict[str, str], module: set[str], findings: Findings
) -> None:
    """Check each statement of the module on its own: first syntax and names of all, then bounds and writes."""
    views = scopes.view_names(scopes.top_functions(tree), declared)
    weights = scopes.class_fields(tree)
    checked: list[tuple[ast.stmt, Scope]] = []
    for statement in tree.body:
        scope = Scope(names=module)
        if isinstance(statement, ast.FunctionDef):
            scope = scopes.function_scope(statement, module, views[statement.name])
        scope.weights = weights
        Walker(declared, aliases, module, scope, findings).visit(statement)
        checked.append((statement, scope))
    values, imported = scopes.module_values(tree), scopes.imported_functions(tree)
    for statement, scope in checked:
        own = scopes.bound_names(statement) if isinstance(statement, ast.FunctionDef) else frozenset()
        names = {name: value for name, value in values.items() if name not in own} | scope.values
        Reader(declared, scope, names, imported).check(statement, findings)
        if isinstance(statement, ast.FunctionDef):
            Writes(statement, declared, scope, set(values), findings).read()


def _check_recursion(functions: dict[str, ast.FunctionDef], findings: Findings) -> None:
    """Report calls by which a function calls itself, directly or through other functions."""
    done: set[str] = set()
    active: list[str] = []

    def enter(name: str) -> None:
        active.append(name)
        for callee, call in scopes.local_calls(functions[name], functions):
            if callee in active:
                findings.add("recursion", f"`{callee}` calls itself", line=call.lineno)
            elif callee not in done:
                enter(callee)
        active.pop()
        done.add(name)

    for name in functions:
        if name not in done:
            enter(name)


def _check_top_level(tree: ast.Module, findings: Findings) -> None:
    seen: set[str] = set()
    for statement in tree.body:
        line = statement.lineno
        if isinstance(statement, ast.FunctionDef):
            if statement.name in seen:
                findings.add("duplicate-function", f"`{statement.name}` is defined twice", line=line)
            seen.add(statement.name)
            continue
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        plain = isinstance(
            statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.ClassDef | ast.Pass
        )
        if not (docstring or plain):
            last = statement.end_lineno or line
            where = f"line {line}" if last == line else f"lines {line} to {last}"
            text = ast.unparse(statement).splitlines()[0][:80]
            findings.add("module-level", f"`{text}` stands outside of a function", f"delete {where}", line)


def _no_function(declared: Declared, functions: dict[str, ast.FunctionDef], findings: Findings) -> None:
    wanted = _header(declared.entry, False)
    likely = [f for f in functions.values() if "reward" in f.name or len(functions) == 1]
    if likely:
        fix = f"replace `def {likely[-1].name}(...)` by `{wanted}`"
        findings.add("no-function", f"there is no function `{declared.entry}`", fix, likely[-1].lineno)
    else:
        example = f" and end it with `{EXAMPLE}`" if declared.entry == "compute_reward" else ""
        findings.add("no-function", f"there is no function `{declared.entry}`", f"write `{wanted}`{example}")


def _header(entry: str, memory: bool) -> str:
    if entry != "compute_reward":
        return f"def {entry}(episode):"
    return f"def compute_reward({', '.join(PARAMETERS)}{', memory' if memory else ''}):"


def _check_signature(function: ast.FunctionDef, declared: Declared, findings: Findings) -> None:
    names = parameters(function)
    if declared.entry == "compute_reward":
        right = names in (list(PARAMETERS), [*PARAMETERS, "memory"])
    else:
        right = names == ["episode"]
    arguments = function.args
    plain = not (arguments.kwonlyargs or arguments.vararg or arguments.kwarg or arguments.defaults)
    if not (right and plain):
        memory = any(isinstance(n, ast.Name) and n.id == "memory" for n in ast.walk(function))
        written = f"def {function.name}({ast.unparse(arguments)})"
        findings.add(
            "wrong-signature",
            f"`{written[:120]}` does not have the parameters of the contract",
            f"write `{_header(declared.entry, memory)}`",
            function.lineno,
        )
