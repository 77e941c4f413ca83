"""Writes ``lint-rules.md`` from the lint's rules and their examples: ``python docs/generate_rules.py``.

A test holds the page equal to what this script would write, and lints every example.
"""

from __future__ import annotations

from pathlib import Path

from reward_synth.reward.lint import lint
from reward_synth.reward.lint.rule_examples import EXAMPLE_ACTION_SIZE, EXAMPLE_LAYOUT, EXAMPLES
from reward_synth.reward.lint.rules import RULES, rules_table

PAGE = Path(__file__).resolve().with_name("lint-rules.md")

_HEAD = """# Rules of the lint

This page is made by `docs/generate_rules.py` from the rules themselves; a test lints every example on it.

The lint reads a reward without running it. An *error* keeps the reward from being trained, a *warning* does not.
What it cannot decide, it lets pass: the probe runs the code, and the lock keeps it in. `reward-synth check FILE
--task TASK --only lint` shows its findings.

It follows values through names, containers, helpers and loops: a name for `next_state.hand` is still that array, a
size in a variable is still a size. A number whose bounds it does not know counts as small, unless it comes from the
state.
"""


def page() -> str:
    """The whole page."""
    sections = [_HEAD, rules_table(RULES)]
    for rule, (severity, text) in RULES.items():
        example = EXAMPLES[rule]
        found = lint(example.bad, EXAMPLE_LAYOUT, action_size=EXAMPLE_ACTION_SIZE).findings
        shown = next(finding for finding in found if finding.rule == rule)
        sections.append(
            f"## `{rule}`\n\n{text} ({severity})\n\nNot so:\n\n```python\n{example.bad}```\n\n"
            f"> {shown.as_text()}\n\nBut so:\n\n```python\n{example.good}```"
        )
    return "\n\n".join(section.rstrip("\n") for section in sections) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
