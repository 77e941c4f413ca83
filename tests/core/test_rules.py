from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reward_synth.core.rules import REGISTRY, declare, verdicts
from reward_synth.core.types import CheckReport, Finding
from reward_synth.reward import frames
from reward_synth.reward.probe_rules import CALLS, PROBE, TERMS
from tests.reward.lint.examples import DOCS, GENERATOR

PACKAGE = Path(__file__).parents[2] / "reward_synth"
TABLES = {"PROBE": PROBE, "CALLS": CALLS, "TERMS": TERMS}


@functools.cache
def nodes() -> tuple[tuple[str, ast.Call | ast.Subscript], ...]:
    """Every call and every look-up in the package's code, with its file."""
    return tuple(
        (path.relative_to(PACKAGE).as_posix(), node)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call | ast.Subscript)
    )


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for file, node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield file, node


def test_ids_have_their_source_before_them_and_a_question() -> None:
    assert {"lint/unknown-field", "probe/not-finite", "screen/misaligned", "training/dead-term"} <= set(REGISTRY)
    for rule_id, rule in REGISTRY.items():
        assert rule_id == rule.id == f"{rule.source}/{rule.name}"
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name), rule_id
        assert rule.question.endswith("?") and rule.doc.endswith("."), rule_id


def test_a_rule_is_declared_once() -> None:
    rule = REGISTRY["probe/dead-term"]
    with pytest.raises(ValueError, match="probe/dead-term is declared twice"):
        declare(rule.source, rule.name, rule.severity, "Another one?", "")
    assert REGISTRY["probe/dead-term"] is rule


def test_findings_are_made_by_declared_rules_alone_but_for_the_critics() -> None:
    assert {file for file, _ in calls("Finding")} == {"core/rules.py", "roles/critic.py"}


def test_every_rule_that_is_looked_up_by_name_is_declared() -> None:
    looked_up = [
        (file, node.slice.value in TABLES[node.value.id])
        for file, node in nodes()
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in TABLES
        if isinstance(node.slice, ast.Constant)
    ]
    assert len(looked_up) > 10
    assert [file for file, declared in looked_up if not declared] == []


def test_whatever_the_reward_process_answers_is_declared() -> None:
    """A hostile process may send any status at any time; it must become a finding."""
    assert set(frames.STATUSES) - {"ok"} <= set(CALLS) | {"new-term"}
    raised = [*calls("ContractBreach"), *calls("ChildDied"), *calls("breach")]
    names = {node.args[0].value for _, node in raised if isinstance(node.args[0], ast.Constant)}
    assert {"no-function", "died", "new-term"} <= names <= set(PROBE)


def test_the_page_has_every_rule_and_no_other() -> None:
    declaring = {f"reward_synth/{file}" for name in ("declare", "declared", "detector") for file, _ in calls(name)}
    known = {f"{module.replace('.', '/')}.py" for module in GENERATOR.DECLARING}
    assert declaring - {"reward_synth/diagnosis/detector.py", "reward_synth/reward/rules.py"} == known
    rows = re.findall(
        r"^\| `([a-z]+/[a-z-]+)`", (DOCS / "reference" / "rules.md").read_text(encoding="utf-8"), flags=re.M
    )
    assert sorted(rows) == sorted(REGISTRY)


def test_a_finding_takes_what_is_left_out_from_its_rule_and_shows_the_short_name() -> None:
    finding = PROBE["impure"].finding("term `a` differs", line=3)
    assert (finding.id, finding.severity) == ("probe/impure", "error")
    assert finding.as_text() == f"line 3: [impure] term `a` differs Fix: {PROBE['impure'].fix}"
    assert PROBE["impure"].finding("it differs", fix="").as_text() == "[impure] it differs"


def test_verdicts_tell_what_was_found_from_what_was_not() -> None:
    rules = (TERMS["dead-term"], TERMS["constant-term"])
    found = (rules[0].finding("`a` is 0"), REGISTRY["training/dead-term"].finding("`b` was 0"))
    assert verdicts(rules, found, "could not run") == {
        "probe/dead-term": "found",
        "probe/constant-term": "could not run",
    }


def test_files_of_older_runs_load() -> None:
    check = (
        '{"findings": [{"rule": "misaligned", "message": "m", "source": "screen"}], "fields": ["x"], "terms": ["a"]}'
    )
    report = CheckReport.model_validate_json(check)
    assert (report.findings[0].id, report.verdicts) == ("screen/misaligned", {})
    summary = {
        "rule": "dead-term",
        "message": "m",
        "fix": "",
        "line": None,
        "severity": "warning",
        "source": "analysis",
    }
    assert Finding.model_validate(summary).id == "training/dead-term"
