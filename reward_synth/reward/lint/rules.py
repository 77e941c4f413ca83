"""The lint's rules, and the collector of their findings."""

from __future__ import annotations

from reward_synth.core.types import Finding
from reward_synth.reward.rules import declared

RULES = declared("lint", "lint")

MAXIMUM_FINDINGS = 20
"""More findings would confuse a small model."""
LONGEST_TEXT = 1_000
"""Characters of a message or a repair; a repair may hold a line of 16 terms."""


class Findings:
    """Collects findings. The same fault on several lines becomes one finding that names all lines."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, str], list[int]] = {}

    def add(self, rule: str, message: str, fix: str | None = None, line: int | None = None) -> None:
        """Add a fault against a rule in :data:`RULES`. If ``fix`` is None, the rule's own fix is used."""
        fix = RULES[rule].fix if fix is None else fix
        lines = self._lines.setdefault((rule, cut(message, LONGEST_TEXT), cut(fix, LONGEST_TEXT)), [])
        if line is not None and line not in lines:
            lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def ordered(self) -> tuple[Finding, ...]:
        """The findings by line. If there are more than :data:`MAXIMUM_FINDINGS`, only the first errors."""
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


def cut(text: str, limit: int) -> str:
    """The text, shortened to ``limit`` characters with dots at the end if it is longer."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
