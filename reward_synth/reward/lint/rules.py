"""The lint's rules, and what collects their findings."""

from __future__ import annotations

from reward_synth.core.rules import declare
from reward_synth.core.types import Finding, Severity

_TABLE: tuple[tuple[str, Severity, str, str], ...] = (
    ("syntax", "error", "Does Python refuse the file?", "It is not valid Python."),
    ("too-large", "error", "Is the file larger than a reward needs?", "At most 20,000 bytes, 4,000 parts, 60 levels."),
    ("no-function", "error", "Is the function missing?", "`compute_reward`, or a task's `success` or `fitness`."),
    ("duplicate-function", "error", "Is a function defined twice?", "Only the second would count."),
    ("wrong-signature", "error", "Are the parameters wrong?", "They are `state, action, next_state`, maybe `memory`."),
    ("module-level", "error", "Does code stand outside of functions?", "Imports and constants may, and nothing else."),
    ("refused-syntax", "error", "Is there syntax that no reward needs?", "Such as `while`, `class` or `raise`."),
    ("refused-import", "error", "Is something refused imported?", "All but `numpy` and `math` is."),
    ("missing-import", "error", "Is a module used that is not imported?", "`np` or `math`."),
    ("refused-name", "error", "Is a builtin used that no reward needs?", "Such as `print`, `open`, `eval`, `getattr`."),
    ("unknown-name", "error", "Is a name used that is defined nowhere?", "It is no parameter, local name or constant."),
    ("bare-field", "error", "Is a field read like a variable?", "`state.` or `next_state.` stands before a field."),
    ("unknown-field", "error", "Does the reward read a field that does not exist?", "`state` has no such field."),
    ("judge-field", "error", "Does it ask for what judges it?", "The success flag, native reward or environment."),
    ("subscript-field", "error", 'Is a field read as `state["name"]`?', "It is `state.name`."),
    ("state-indexed", "error", "Is the state used like an array?", "`state` is indexed with a number, or iterated."),
    ("scalar-indexed", "error", "Is a number used like an array?", "A field of one number is indexed or summed up."),
    ("index-out-of-range", "error", "Is an index out of range?", "A vector has no element of that index."),
    ("unknown-attribute", "error", "Is an attribute not available?", "A list has the attributes and methods that are."),
    ("unknown-function", "error", "Is a function not available?", "A list has those of `np`, `np.linalg` and `math`."),
    ("writes-input", "error", "Does it change its arguments?", "`state`, `action` or `next_state` is written to."),
    ("module-state", "error", "Does a function change a module-level value?", "Only `memory` may keep things."),
    ("annotation", "error", "Is an annotation more than a type?", "It would run where the file is imported."),
    ("default-value", "error", "Is the default of a parameter no plain constant?", "It would be shared by all calls."),
    ("recursion", "error", "Does a function call itself?", "By way of others counts, too."),
    ("refused-keyword", "error", "Does numpy write into an argument?", "By `out=` or the like, or by position."),
    ("hidden-character", "error", "Does a character deceive the eye?", "It cannot be seen, or looks like another one."),
    ("too-much-work", "error", "Does it take too much time or memory?", "A loop, array or number is too large."),
    ("no-return", "error", "Can it end without returning its terms?", "A path has no `return`."),
    ("wrong-return", "error", "Does it return something else than named terms?", "A dict of them is returned."),
    ("term-name", "error", "Is the name of a term not plain?", "It is an identifier in quotes."),
    ("total-term", "error", "Is a term called `reward` or `total`?", "It would count everything twice."),
    ("duplicate-term", "error", "Do two terms share a name?", "Only the last would count."),
    ("too-many-terms", "error", "Are there more than 16 terms?", "Nobody could weigh them."),
    ("no-terms", "error", "Is there no term at all?", "The dict is empty."),
    ("may-be-undefined", "warning", "Can a function be undefined?", "A root, logarithm or arc function of any number."),
    ("set-order", "warning", "Does a loop run over a set?", "Its order may change."),
    ("bare-except", "warning", "Is there an `except:` without a name?", "It hides every fault."),
    ("division-by-norm", "warning", "Is something divided by a norm?", "It is zero at rest."),
    ("matrix-norm", "warning", "Is one norm taken of all rows together?", "Such as of a vector over a whole episode."),
    ("no-state", "warning", "Does the reward read no field of the state?", "Then it cannot know how the task goes."),
)  # fmt: skip
"""Name, severity, question, and what is found."""
RULES = {row[0]: declare("lint", *row) for row in _TABLE}

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
            found.append(RULES[rule].finding(message, fix, first))
        found.sort(key=lambda finding: finding.line or 0)
        if len(found) > MAXIMUM_FINDINGS:
            found = [finding for finding in found if finding.severity == "error"][:MAXIMUM_FINDINGS]
        return tuple(found)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."
