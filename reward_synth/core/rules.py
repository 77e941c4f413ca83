"""The registry of rules. A rule is one question about a reward or its training, declared once.

A finding's full id is ``source/name``: ``lint/unknown-field``, ``probe/not-finite``, ``screen/misaligned``,
``training/dead-term``. People and models see the short name, ``[unknown-field] …``, which must not change: recorded
answers are found by their exact prompts. Two sources may share a short name (``dead-term``), never an id.

The critic is a model that invents its own names, so findings with the source ``critic`` are not in the registry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reward_synth.core.types import Finding, Severity, Source, Verdict


@dataclass(frozen=True)
class Rule:
    """One question about a reward or its training; a finding means that the answer is yes."""

    source: Source
    name: str
    """Short name, as prompts and the terminal show it; unique within its source."""
    severity: Severity
    question: str
    doc: str
    """When the rule applies and what usually helps; shown in docs/reference/rules.md."""
    fix: str = ""
    """What to write instead, if that is the same for every finding."""

    @property
    def id(self) -> str:
        """``source/name``, unique in the registry."""
        return f"{self.source}/{self.name}"

    def finding(self, message: str, fix: str | None = None, line: int | None = None) -> Finding:
        """A finding of this rule; ``fix`` defaults to the rule's own."""
        fix = self.fix if fix is None else fix
        return Finding(rule=self.name, message=message, fix=fix, line=line, severity=self.severity, source=self.source)


REGISTRY: dict[str, Rule] = {}
"""Rules by id, in the order of declaration; complete once all modules that declare rules are imported."""


def declare(source: Source, name: str, severity: Severity, question: str, doc: str, fix: str = "") -> Rule:
    """Add a rule to the registry.

    :raises ValueError: the id is declared already.
    """
    rule = Rule(source, name, severity, question, doc, fix)
    if REGISTRY.setdefault(rule.id, rule) is not rule:
        raise ValueError(f"the rule {rule.id} is declared twice")
    return rule


def verdicts(rules: Iterable[Rule], findings: Iterable[Finding], otherwise: Verdict) -> dict[str, Verdict]:
    """What each rule answers, by id: ``found`` if there is a finding of it, else ``otherwise``."""
    found = {finding.id for finding in findings}
    return {rule.id: "found" if rule.id in found else otherwise for rule in rules}
