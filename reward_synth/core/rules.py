"""The one registry of rules: each is a question about a reward or about its training, declared once.

A finding's full id is ``source/name``: ``lint/unknown-field``, ``probe/not-finite``, ``screen/misaligned``,
``training/dead-term``. People and models are shown the short name, ``[unknown-field] …``, as they always were: recorded
answers belong to exact prompts. Two sources may share a short name (``dead-term``), never an id.

What the critic says is a model's own words, with names of its own: the source ``critic`` stands outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reward_synth.core.types import Finding, Severity, Source, Verdict


@dataclass(frozen=True)
class Rule:
    """One question about a reward or its training; a finding answers it with yes."""

    source: Source
    name: str
    """Short name, as prompts and the terminal show it; unique within its source."""
    severity: Severity
    question: str
    doc: str
    """When it is found, and what usually helps; a line of docs/reference/rules.md."""
    fix: str = ""
    """What to write instead, where that is the same for every finding."""

    @property
    def id(self) -> str:
        """``source/name``, unique in the registry."""
        return f"{self.source}/{self.name}"

    def finding(self, message: str, fix: str | None = None, line: int | None = None) -> Finding:
        """A finding of this rule; what is left out is the rule's own."""
        fix = self.fix if fix is None else fix
        return Finding(rule=self.name, message=message, fix=fix, line=line, severity=self.severity, source=self.source)


REGISTRY: dict[str, Rule] = {}
"""By id, in the order of declaration; complete once the modules that declare rules are imported."""


def declare(source: Source, name: str, severity: Severity, question: str, doc: str, fix: str = "") -> Rule:
    """Enter a rule into the registry.

    :raises ValueError: the id is taken.
    """
    rule = Rule(source, name, severity, question, doc, fix)
    if REGISTRY.setdefault(rule.id, rule) is not rule:
        raise ValueError(f"the rule {rule.id} is declared twice")
    return rule


def verdicts(rules: Iterable[Rule], findings: Iterable[Finding], otherwise: Verdict) -> dict[str, Verdict]:
    """What each rule answers, by id: ``found`` if there is a finding of it, else ``otherwise``."""
    found = {finding.id for finding in findings}
    return {rule.id: "found" if rule.id in found else otherwise for rule in rules}
