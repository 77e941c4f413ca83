"""The lint's rules: one line each, from which the documentation is made."""

from __future__ import annotations

from reward_synth.core.types import Finding, Severity

RULES: dict[str, tuple[Severity, str]] = {
    "syntax": ("error", "The file is not valid Python."),
    "too-large": ("error", "The file is longer, or nested deeper, than any reward needs."),
    "no-function": ("error", "There is no `compute_reward` (or `success`, `fitness`) at the top level."),
    "duplicate-function": ("error", "A function is defined twice."),
    "wrong-signature": ("error", "The parameters are not `state, action, next_state` and perhaps `memory`."),
    "module-level": ("error", "Something else than an import, constant or function stands at the top level."),
    "refused-syntax": (
        "error",
        "A construct that a reward does not need: `while`, `class`, `raise`, `global` …",
    ),
    "refused-import": ("error", "An import of something else than `numpy` or `math`."),
    "missing-import": ("error", "`np` or `math` is used, but not imported."),
    "refused-name": ("error", "A builtin that a reward does not need: `print`, `open`, `eval`, `getattr` …"),
    "unknown-name": ("error", "A name that is defined nowhere."),
    "bare-field": ("error", "A field is read without `state.` or `next_state.` before it."),
    "unknown-field": ("error", "`state` has no such field."),
    "judge-field": ("error", "The success flag, the native reward or the environment is asked for."),
    "subscript-field": ("error", 'A field is read as `state["name"]` instead of `state.name`.'),
    "state-indexed": ("error", "`state` is indexed with a number or iterated like an array."),
    "scalar-indexed": ("error", "A field that is one number is indexed, or used like an array."),
    "index-out-of-range": ("error", "A vector has no element of that index."),
    "unknown-attribute": ("error", "An attribute or method that is not on the list."),
    "unknown-function": (
        "error",
        "`np`, `np.linalg` or `math` has no such function, or it is not on the list.",
    ),
    "writes-input": ("error", "`state`, `action` or `next_state` is written to."),
    "module-state": ("error", "A function changes a module-level value; only `memory` may keep things."),
    "annotation": (
        "error",
        "An annotation that is more than the name of a type: it would run where the file is imported.",
    ),
    "default-value": ("error", "The default of a parameter is not a plain constant."),
    "recursion": ("error", "A function calls itself."),
    "refused-keyword": ("error", "A keyword such as `out=`, or a position, that makes numpy write into its arguments."),
    "hidden-character": ("error", "A control character, or a letter that looks like another one."),
    "too-much-work": ("error", "A loop, array, number or repetition that is larger than a reward needs."),
    "no-return": ("error", "`compute_reward` can end without returning its terms."),
    "wrong-return": ("error", "It returns something else than a dict of named terms."),
    "term-name": ("error", "The name of a term is not a plain identifier in quotes."),
    "total-term": ("error", "A term is called `reward` or `total`: it would count everything twice."),
    "duplicate-term": ("error", "Two terms have one name; only the last would count."),
    "too-many-terms": ("error", "More than 16 terms."),
    "no-terms": ("error", "There is no term at all."),
    "not-finite": ("error", "A term is NaN or infinite whatever the state."),
    "may-be-undefined": ("warning", "A root, logarithm or arc function of what may lie outside of its range."),
    "set-order": ("warning", "A loop over a set, whose order may change."),
    "bare-except": ("warning", "`except:` without the error's name hides every fault."),
    "memory-key": ("warning", "A key of `memory` is not a name in quotes."),
    "memory-grows": ("warning", "A list in `memory` that grows at every step."),
    "division-by-norm": ("warning", "A division by a norm, which is zero at rest."),
    "matrix-norm": ("warning", "A norm of all rows together, such as of a vector over a whole episode."),
    "no-state": ("warning", "The reward reads no field of the state."),
}

PROBE_RULES: dict[str, tuple[Severity, str]] = {
    "exception": ("error", "The code raised an exception."),
    "memory": ("error", "The code asked for more memory than it may have."),
    "deadline": ("error", "The code was still running when its time was up."),
    "died": ("error", "The process that runs the code ended."),
    "forbidden": ("error", "The code tried what the lock forbids: a file, a socket, a process."),
    "wrong-return": ("error", "A call returned something else than a dict."),
    "wrong-shape": ("error", "A term is an array, not one number."),
    "wrong-type": ("error", "A term is no number."),
    "new-term": ("error", "A term appeared that the training does not know."),
    "not-finite": ("error", "A term is NaN or infinite (a warning if only in sampled states)."),
    "too-large-term": ("error", "A term is larger than 1e6."),
    "constant-reward": ("error", "All terms are the same on all real transitions."),
    "constant-term": ("warning", "One term is the same on all real transitions."),
    "dead-term": ("warning", "One term is 0 on all real transitions."),
    "doubled-term": ("error", "A term equals another one, or the sum of all others."),
    "fixed-position": (
        "warning",
        "The code reads a position that is the same in all recorded episodes: no goal that differs from episode to "
        "episode, whatever its name says.",
    ),
    "impure": ("error", "The same transitions give other values when they are run again."),
    "slow": ("warning", "A call takes longer than 0.5 ms."),
}
"""What running the code can show, besides the rules above that it shares."""

MAXIMUM_FINDINGS = 20
"""More would drown a small model."""
LONGEST_TEXT = 1_000
"""Characters of a message or a repair; a repair may hold a line of 16 terms."""


class Findings:
    """Collects findings; the same fault on several lines becomes one that names them all."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, str], list[int]] = {}

    def add(self, rule: str, message: str, fix: str = "", line: int | None = None) -> None:
        """Note a fault of a rule in :data:`RULES`."""
        assert rule in RULES, rule
        lines = self._lines.setdefault((rule, _cut(message), _cut(fix)), [])
        if line is not None and line not in lines:
            lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def ordered(self) -> tuple[Finding, ...]:
        """By line; of more than :data:`MAXIMUM_FINDINGS` the first errors."""
        found = []
        for (rule, message, fix), lines in self._lines.items():
            lines.sort()
            first = lines[0] if lines else None
            if len(lines) > 1:
                message += f" (also in line {', '.join(map(str, lines[1:9]))})"
            severity, _ = RULES[rule]
            found.append(Finding(rule=rule, message=message, fix=fix, line=first, severity=severity))
        found.sort(key=lambda finding: finding.line or 0)
        if len(found) > MAXIMUM_FINDINGS:
            found = [finding for finding in found if finding.severity == "error"][:MAXIMUM_FINDINGS]
        return tuple(found)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."


def rules_table(rules: dict[str, tuple[Severity, str]]) -> str:
    """Rules as a Markdown table, as the documentation shows them."""
    lines = ["| rule | severity | what it finds |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {severity} | {text} |" for name, (severity, text) in rules.items()]
    return "\n".join(lines)
