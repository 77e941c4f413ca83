"""The critic checks a reward by a checklist before a policy is trained on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

from reward_synth.core.names import RoleName
from reward_synth.core.types import CheckReport, Finding, Severity
from reward_synth.llm.base import Message, Model, Request
from reward_synth.roles.ask import Unparseable, ask, ask_many
from reward_synth.roles.brief import Brief, Exchange, as_text
from reward_synth.roles.designer import Draft
from reward_synth.roles.lenient_json import extract_json
from reward_synth.roles.parsing import ParseError, clean
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.registry import register
from reward_synth.roles.signs import term_directions
from reward_synth.settings.model import Settings

Verdict = Literal["pass", "revise"]

CHECKS = ("pushes-goal", "sign", "scale", "reachable", "exploitable", "field", "unit")

_READING = re.compile(r"wants (?P<field>\w+) to be (?P<wanted>positive|negative|small|near)\b(?P<reason>[^\n]*)")
_MAXIMUM_FINDINGS = 8
_MAXIMUM_CHARACTERS = 600


@dataclass(frozen=True)
class Review:
    """The critic's review of one reward."""

    findings: tuple[Finding, ...]
    """All have ``source="critic"``; those of a small model are warnings only."""
    exchange: Exchange
    verdict: Verdict
    """``revise`` if and only if a finding is an error."""
    problem: str = ""
    """Why the answer could not be parsed; in that case there are no findings, and the verdict is ``pass``."""


@register
class Critic:
    """Asks a model for faults that no automatic check can find.

    A strong model reads the code against a checklist. A model of a few billion parameters cannot do that: of eight
    simple rewards, the embedded model rejected four of the five sound ones, and found one of the three with a wrong
    sign. But it can say which field the goal is about, and in which direction. So it is asked only for that, without
    seeing the code, and the direction of the code is computed from the syntax tree.
    """

    role: ClassVar[RoleName] = "critic"

    def __init__(self, model: Model, prompts: Prompts) -> None:
        self.model = model
        self.prompts = prompts

    @classmethod
    def opened(cls, model: Model, prompts: Prompts, settings: Settings) -> Self:
        """See :class:`~reward_synth.roles.registry.Role`."""
        return cls(model, prompts)

    def review(self, brief: Brief, jobs: list[tuple[Draft, CheckReport]]) -> list[Review]:
        """One review per draft, in order."""
        if not jobs:
            return []
        if brief.small:
            return self._compare(brief, [draft for draft, _ in jobs])
        requests = [self._request(brief, draft, report) for draft, report in jobs]
        answers = ask_many(self.model, requests, parse_review, self.prompts)
        reviews = []
        for answer in answers:
            exchange = Exchange("critic", as_text(answer.request), answer.reply.text)
            if isinstance(answer, Unparseable):
                reviews.append(Review((), exchange, "pass", answer.reason))
                continue
            failed = any(finding.severity == "error" for finding in answer.value)
            reviews.append(Review(answer.value, exchange, "revise" if failed else "pass"))
        return reviews

    def _request(self, brief: Brief, draft: Draft, report: CheckReport) -> Request:
        values = {
            "brief": brief,
            "source": draft.source,
            "report": report,
        }
        system = self.prompts.render("critic/full/system.md.j2", **values)
        user = self.prompts.render("critic/full/review.md.j2", **values)
        return Request(
            messages=(Message(role="system", content=system), Message(role="user", content=user)),
            role="critic",
            candidate=draft.candidate,
            temperature=0.2,
            max_tokens=2048,
        )

    def _compare(self, brief: Brief, drafts: list[Draft]) -> list[Review]:
        """Ask once what the goal wants, and compare each draft with the answer without another call."""
        names = [name for name, _ in brief.short_layout] or list(brief.fields)
        prompt = self.prompts.render("critic/small/read_goal.md.j2", brief=brief)
        request = Request(
            messages=(Message(role="user", content=prompt),),
            role="critic",
            temperature=0.0,
            max_tokens=80,
            grammar=self.prompts.render("critic/small/read_goal.gbnf.j2", fields=names),
        )
        try:
            answer = ask(self.model, request, lambda text: parse_reading(text, names), self.prompts)
        except Unparseable as failure:
            exchange = Exchange("critic", as_text(failure.request), failure.reply.text)
            return [Review((), exchange, "pass", failure.reason) for _ in drafts]
        exchange = Exchange("critic", as_text(answer.request), answer.reply.text)
        return [Review(_against_reading(draft.source, answer.value), exchange, "pass") for draft in drafts]


@dataclass(frozen=True)
class Reading:
    """The direction that a goal wants for one field."""

    field: str
    wanted: Literal["positive", "negative", "small", "near"]
    reason: str


def parse_reading(text: str, fields: Sequence[str]) -> Reading:
    """Parse ``The goal wants <field> to be <how>: <why>``, the form required of the small model.

    :raises ParseError: the answer has another form, or names an unknown field.
    """
    match = _READING.search(clean(text))
    if not match or match["field"] not in fields:
        raise ParseError(
            "it must read: The goal wants <field> to be <positive, negative, small or near a value>: <why>"
        )
    wanted = cast(Literal["positive", "negative", "small", "near"], match["wanted"])
    return Reading(match["field"], wanted, match["reason"].partition(":")[2].strip())


def _against_reading(source: str, reading: Reading) -> tuple[Finding, ...]:
    """A warning if a term pays for the wrong direction and none for the right one. Unclear terms count as right."""
    right = {"positive": 1, "negative": -1, "small": -1}.get(reading.wanted)
    if right is None:
        return ()
    directions = term_directions(source, reading.field)
    wrong = [term for term, direction in directions.items() if direction == -right]
    if not wrong or any(direction in (right, None) for direction in directions.values()):
        return ()
    does, should = ("more", "less") if right < 0 else ("less", "more")
    return (
        Finding(
            rule="critic-sign",
            message=f"term {wrong[0]!r} pays for {does} {reading.field}, but the goal wants it {reading.wanted} "
            f"({reading.reason})",
            fix=f"turn the sign of {wrong[0]!r} round, so that {should} {reading.field} pays",
            severity="warning",
            source="critic",
        ),
    )


def parse_review(text: str) -> tuple[Finding, ...]:
    """The findings in a critic's answer: an object with ``findings``, a bare list, or a single finding.

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
    """The finding of an entry; None if the entry says that nothing is wrong."""
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
