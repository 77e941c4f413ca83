"""The critic: reads a reward against a checklist before anything is trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from reward_synth.llm.base import Message, Model, Request
from reward_synth.roles.ask import Unparseable, ask_many
from reward_synth.roles.brief import Brief, Exchange, as_text
from reward_synth.roles.designer import Draft
from reward_synth.roles.lenient_json import extract_json
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.prompts import Prompts
from reward_synth.types import CheckReport, Finding, Severity

Verdict = Literal["pass", "revise"]

CHECKS = ("pushes-goal", "sign", "scale", "reachable", "exploitable", "field", "unit")

_MAXIMUM_FINDINGS = 8
_MAXIMUM_CHARACTERS = 600


@dataclass(frozen=True)
class Review:
    """What the critic says of one reward."""

    findings: tuple[Finding, ...]
    """All with ``source="critic"``; a small model's are warnings only."""
    exchange: Exchange
    verdict: Verdict
    """``revise`` if and only if a finding is an error."""
    problem: str = ""
    """Why the answer could not be read, in words; then there are no findings and the verdict is ``pass``."""


class Critic:
    """Asks a model for faults that no automatic check sees."""

    def __init__(self, model: Model, prompts: Prompts) -> None:
        self.model = model
        self.prompts = prompts

    def review(self, brief: Brief, jobs: list[tuple[Draft, CheckReport]]) -> list[Review]:
        """One review per draft, in order."""
        requests = [self._request(brief, draft, report) for draft, report in jobs]
        answers = ask_many(self.model, requests, parse_review, self.prompts)
        reviews = []
        for answer in answers:
            exchange = Exchange("critic", as_text(answer.request), answer.reply.text)
            if isinstance(answer, Unparseable):
                reviews.append(Review((), exchange, "pass", answer.reason))
                continue
            # A model of a few billion parameters errs in about every other review: its word is worth showing to
            # the designer and the person, but not worth throwing a sound reward away for.
            findings = tuple(
                finding.model_copy(update={"severity": "warning"}) if brief.small else finding
                for finding in answer.value
            )
            failed = any(finding.severity == "error" for finding in findings)
            reviews.append(Review(findings, exchange, "revise" if failed else "pass"))
        return reviews

    def _request(self, brief: Brief, draft: Draft, report: CheckReport) -> Request:
        folder = "small" if brief.small else "full"
        values = {
            "brief": brief,
            "source": draft.source,
            "facts": report.findings,
            "terms": report.terms,
            "fields": report.fields,
        }
        system = self.prompts.render(f"critic/{folder}/system.md.j2", **values)
        user = self.prompts.render(f"critic/{folder}/review.md.j2", **values)
        return Request(
            messages=(Message(role="system", content=system), Message(role="user", content=user)),
            role="critic",
            candidate=draft.candidate,
            temperature=0.0 if brief.small else 0.2,
            max_tokens=150 if brief.small else 2048,
            grammar=self.prompts.render("critic/small/review.gbnf.j2") if brief.small else None,
        )


def parse_review(text: str) -> tuple[Finding, ...]:
    """The findings in a critic's answer: an object with ``findings``, a bare list, or one finding by itself.

    :raises ParseError: no JSON, or JSON of another kind.
    """
    value = extract_json(text, keys=("findings", "verdict", "message"))
    entries = value if isinstance(value, list) else value.get("findings", [value])
    if isinstance(entries, dict):
        entries = [entries]
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise ParseError("findings must be a list of objects")
    findings = [_finding(entry) for entry in entries[:_MAXIMUM_FINDINGS] if isinstance(entry, dict)]
    if entries and not findings:
        raise ParseError("each finding must be an object with the keys term, severity, check, message and fix")
    found = [finding for finding in findings if finding is not None]
    single = isinstance(value, dict) and value.get("findings") is None
    if single and str(value.get("verdict", "")).lower() == "pass":
        return ()
    return tuple(found)


def _finding(entry: dict[str, Any]) -> Finding | None:
    """None where the entry says that nothing is wrong."""
    check = str(entry.get("check") or entry.get("rule") or "").strip().lower().replace("_", "-")
    message = str(entry.get("message") or entry.get("problem") or "").strip()
    if not message or check in {"none", "ok", "pass"}:
        return None
    term = str(entry.get("term") or "").strip()
    if term and term.lower() not in {"none", "null", "all"} and term not in message:
        message = f"term {term!r}: {message}"
    line = entry.get("line")
    severity = str(entry.get("severity", "error")).strip().lower()
    return Finding(
        rule=f"critic-{check}" if check in CHECKS else "critic",
        message=message[:_MAXIMUM_CHARACTERS],
        fix=str(entry.get("fix") or "").strip()[:_MAXIMUM_CHARACTERS],
        line=line if isinstance(line, int) and not isinstance(line, bool) and line > 0 else None,
        severity=cast(Severity, severity if severity in {"error", "warning"} else "warning"),
        source="critic",
    )
