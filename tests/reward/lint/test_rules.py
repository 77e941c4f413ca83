from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from reward_synth.reward.lint import lint
from reward_synth.reward.lint.rule_examples import EXAMPLE_ACTION_SIZE, EXAMPLE_LAYOUT, EXAMPLES
from reward_synth.reward.lint.rules import RULES

DOCS = Path(__file__).parents[3] / "docs"


def rules_of(source: str) -> set[str]:
    return {finding.rule for finding in lint(source, EXAMPLE_LAYOUT, action_size=EXAMPLE_ACTION_SIZE).findings}


def test_every_rule_has_an_example() -> None:
    assert list(RULES) == [rule for rule in RULES if rule in EXAMPLES]
    assert set(EXAMPLES) == set(RULES)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_bad_example_breaks_its_rule_alone_and_the_good_one_none(rule: str) -> None:
    assert rules_of(EXAMPLES[rule].bad) == {rule}
    assert rules_of(EXAMPLES[rule].good) == set()


@pytest.mark.parametrize("rule", EXAMPLES)
def test_every_finding_tells_its_repair_and_has_the_rules_severity(rule: str) -> None:
    for finding in lint(EXAMPLES[rule].bad, EXAMPLE_LAYOUT, action_size=EXAMPLE_ACTION_SIZE).findings:
        assert finding.fix
        assert finding.severity == RULES[rule][0]


def test_the_page_is_what_the_rules_say() -> None:
    specification = importlib.util.spec_from_file_location("generate_rules", DOCS / "generate_rules.py")
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    page = (DOCS / "lint-rules.md").read_text(encoding="utf-8")
    assert page == generate.page(), "run: python docs/generate_rules.py"
    for name in ("reward-contract.md", "index.md"):
        assert "(lint-rules.md)" in (DOCS / name).read_text(encoding="utf-8")
