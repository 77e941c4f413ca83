from __future__ import annotations

import re
from pathlib import Path

import pytest

from reward_synth.reward.lint import lint
from reward_synth.reward.lint.rules import RULES
from tests.reward.lint.examples import DOCS, EXAMPLE_ACTION_SIZE, EXAMPLE_LAYOUT, EXAMPLES, GENERATOR

LINT = Path(__file__).parents[3] / "reward_synth" / "reward" / "lint"


def rules_of(source: str) -> set[str]:
    return {finding.rule for finding in lint(source, EXAMPLE_LAYOUT, action_size=EXAMPLE_ACTION_SIZE).findings}


def test_every_rule_has_an_example() -> None:
    assert list(EXAMPLES) == list(RULES)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_bad_example_breaks_its_rule_alone_and_the_good_one_none(rule: str) -> None:
    assert rules_of(EXAMPLES[rule].bad) == {rule}
    assert rules_of(EXAMPLES[rule].good) == set()


@pytest.mark.parametrize("rule", EXAMPLES)
def test_every_finding_tells_its_repair_and_has_the_rules_severity(rule: str) -> None:
    for finding in lint(EXAMPLES[rule].bad, EXAMPLE_LAYOUT, action_size=EXAMPLE_ACTION_SIZE).findings:
        assert finding.fix
        assert (finding.id, finding.severity) == (f"lint/{rule}", RULES[rule].severity)


def test_the_code_of_the_lint_names_declared_rules_and_each_of_them() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in LINT.glob("*.py") if path.name != "rules.py")
    assert set(RULES) <= set(re.findall(r'"([a-z-]+)"', code))
    assert set(re.findall(r'\.add\(\s*"([a-z-]+)"', code)) <= set(RULES)


def test_the_page_is_what_the_rules_say() -> None:
    page = (DOCS / "reference" / "rules.md").read_text(encoding="utf-8")
    assert page == GENERATOR.page(), "run: python docs/generate_rules.py"
    for name in ("reward-contract.md",):
        assert "(rules.md)" in (DOCS / "reference" / name).read_text(encoding="utf-8")
