"""Writes ``rules.md`` from the registry and from ``templates``: ``python docs/generate_rules.py``.

A test holds the page equal to what this script would write, and lints every example.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

from reward_synth.core.rules import REGISTRY, Rule
from reward_synth.core.types import Source
from reward_synth.core.yaml import read_yaml
from reward_synth.diagnosis.detector import unsolved
from reward_synth.diagnosis.training_rules import DETECTORS
from reward_synth.reward.lint import lint

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "reference" / "rules.md"
DECLARING = (
    "reward_synth.reward.lint.rules",
    "reward_synth.reward.probe_rules",
    "reward_synth.screening.ranking",
    "reward_synth.screening.ways",
    "reward_synth.screening.stated",
    "reward_synth.screening.case",
    "reward_synth.screening.hidden",
    "reward_synth.audit.rules",
    "reward_synth.diagnosis.motion_rules",
    "reward_synth.diagnosis.course_rules",
    "reward_synth.diagnosis.condition_rules",
    "reward_synth.diagnosis.training_rules",
    "reward_synth.methods.refine",
)
"""The modules that declare rules: the registry is complete once they are imported."""
for _module in DECLARING:
    import_module(_module)


class Example(BaseModel):
    """A reward that breaks a rule, and one that does the same within it."""

    bad: str
    good: str


class Examples(BaseModel):
    """``templates/rule_examples.yaml``."""

    layout: dict[str, tuple[int, ...]]
    """The fields that the examples may read, with their shapes."""
    action_size: int
    examples: dict[str, Example]
    """By the rule's short name."""


EXAMPLES = read_yaml(FOLDER / "templates" / "rule_examples.yaml", Examples, "examples")
LAYOUT = tuple(EXAMPLES.layout.items())


def rules_of(source: Source) -> list[Rule]:
    """The rules of one source in the order of the page."""
    if source == "training":
        return [detector.rule for detector in DETECTORS]
    found = [rule for rule in REGISTRY.values() if rule.source == source]
    # Several modules declare those of the screen, and whoever asks may have imported them in any order.
    return sorted(found, key=lambda rule: rule.name) if source == "screen" else found


def shown(rule: Rule) -> str:
    """What the lint says of the rule's bad example."""
    found = lint(EXAMPLES.examples[rule.name].bad, LAYOUT, action_size=EXAMPLES.action_size).findings
    return next(finding.as_text() for finding in found if finding.id == rule.id)


def page() -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    silent = {detector.rule.id for detector in DETECTORS if unsolved in detector.needs}
    template = environment.get_template("rules.md.j2")
    return template.render(rules_of=rules_of, examples=EXAMPLES.examples, shown=shown, silent=silent)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
