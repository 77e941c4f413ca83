"""The analyzer reads the summaries of one iteration's trainings, and suggests changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from reward_synth.core.names import RoleName
from reward_synth.llm.base import Message, Model, Request
from reward_synth.roles.ask import Unparseable, ask
from reward_synth.roles.brief import Brief, Exchange, Turn, as_text
from reward_synth.roles.lenient_json import extract_json
from reward_synth.roles.parsing import ParseError, clean
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.registry import register
from reward_synth.settings.model import Settings

HISTORY = 4
"""Earlier readings that the prompt shows. In BIRD's study this is one of four choices of thirty that clearly help."""

_CAUSES = ("causes", "cause", "diagnosis", "failure_causes")
_SUGGESTIONS = ("suggestions", "suggestion", "changes", "recommendations")
_SECTION = re.compile(r"^\s*(?:#+\s*|\*\*|)(?P<title>[A-Za-z ]{3,30}?)(?:\*\*|)\s*:?\s*(?:\*\*)?\s*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+(?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Analysis:
    """The analyzer's reading of one iteration."""

    causes: tuple[str, ...]
    """Why the rewards had these results, most important first."""
    suggestions: tuple[str, ...]
    """Concrete changes, most important first."""
    text: str
    """The whole reading in Markdown, for ``iterations/NNN.md``, the next design and the analyzer's own history."""
    exchange: Exchange
    keep: tuple[str, ...] = ()
    """What works and must be kept."""
    problem: str = ""
    """Why the answer could not be parsed; in that case ``text`` is the unchanged answer."""


@register
class Analyzer:
    """Asks a model for failure causes and suggestions."""

    role: ClassVar[RoleName] = "analyzer"

    def __init__(self, model: Model, prompts: Prompts) -> None:
        self.model = model
        self.prompts = prompts

    @classmethod
    def opened(cls, model: Model, prompts: Prompts, settings: Settings) -> Self:
        """See :class:`~reward_synth.roles.registry.Role`."""
        return cls(model, prompts)

    def analyze(
        self, brief: Brief, summaries: Sequence[tuple[str, str, str]], history: Sequence[Turn] = ()
    ) -> Analysis:
        """Read one iteration.

        :param summaries: candidate id, source and summary text, best first.
        :param history: earlier readings, oldest first; the prompt shows the last four.
        """
        folder = "small" if brief.small else "full"
        values = {"brief": brief, "summaries": list(summaries), "history": list(history)[-HISTORY:]}
        system = self.prompts.render(f"analyzer/{folder}/system.md.j2", **values)
        user = self.prompts.render(f"analyzer/{folder}/analyze.md.j2", **values)
        request = Request(
            messages=(Message(role="system", content=system), Message(role="user", content=user)),
            role="analyzer",
            temperature=0.2 if brief.small else 0.4,
            max_tokens=150 if brief.small else 3072,
            sample=len(history),
            grammar=self.prompts.render("analyzer/small/analyze.gbnf.j2") if brief.small else None,
        )
        try:
            answer = ask(self.model, request, parse_analysis, self.prompts)
        except Unparseable as failure:
            exchange = Exchange("analyzer", as_text(failure.request), failure.reply.text)
            return Analysis((), (), clean(failure.reply.text).strip(), exchange, problem=failure.reason)
        causes, suggestions, keep = answer.value
        exchange = Exchange("analyzer", as_text(answer.request), answer.reply.text)
        return Analysis(causes, suggestions, _as_markdown(causes, suggestions, keep), exchange, keep)


def parse_analysis(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Causes, suggestions and what to keep, from a JSON object or from sections with bullets.

    :raises ParseError: there is no suggestion in either form.
    """
    try:
        value = extract_json(text, keys=(*_CAUSES, *_SUGGESTIONS))
    except ParseError:
        value = _sections(text)
    if not isinstance(value, dict):
        value = _sections(text)
    causes, suggestions = _entries(value, _CAUSES), _entries(value, _SUGGESTIONS)
    if not suggestions:
        raise ParseError("a JSON object with the keys causes and suggestions, both not empty, was asked for")
    return causes, suggestions, _entries(value, ("keep",))


def _entries(value: dict[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        entry = value.get(key)
        if entry:
            items = entry if isinstance(entry, list) else [entry]
            return tuple(text for item in items if (text := _sentence(item)))
    return ()


def _sentence(item: Any) -> str:
    if isinstance(item, dict):
        return "; ".join(f"{key}: {value}" for key, value in item.items() if value)
    return str(item).strip() if item is not None else ""


def _sections(text: str) -> dict[str, Any]:
    """Parse ``Causes`` and ``Suggestions`` headings with bullets below each."""
    cleaned = clean(text)
    found: dict[str, Any] = {}
    titles = list(_SECTION.finditer(cleaned))
    ends = [title.start() for title in titles[1:]] + [len(cleaned)]
    for title, end in zip(titles, ends, strict=False):
        body = cleaned[title.end() : end]
        bullets = [match["text"].strip() for match in _BULLET.finditer(body)]
        words = title["title"].strip().lower().split()
        for name in (*_CAUSES, *_SUGGESTIONS, "keep"):
            if name in words and (bullets or body.strip()):
                found.setdefault(name, bullets or [body.strip()])
    return found


def _as_markdown(causes: tuple[str, ...], suggestions: tuple[str, ...], keep: tuple[str, ...]) -> str:
    parts = []
    for title, entries in (("Causes", causes), ("Keep", keep), ("Suggestions", suggestions)):
        if entries:
            parts.append(f"{title}:\n" + "\n".join(f"- {entry}" for entry in entries))
    return "\n\n".join(parts) + "\n"
