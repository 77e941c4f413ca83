"""The designer writes reward code from a goal and a state stub, and repairs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from reward_synth.core.names import RoleName
from reward_synth.core.types import Finding
from reward_synth.llm.base import Message, Model, Request
from reward_synth.roles.ask import Answer, Fault, Unparseable, ask_many
from reward_synth.roles.brief import Brief, Exchange, as_text
from reward_synth.roles.parsing import extract_code
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.registry import register
from reward_synth.settings.model import Settings

# Sample 0 stays near the model's best guess; the others vary more. Some providers refuse temperatures above 1.
_SPREAD = (0.5, 1.0, 1.25, 0.75)
_MAXIMUM_TEMPERATURE = 1.0
_FALLS = "where episodes end early: "
"""Prefix of an emphasis that is used only if episodes can end early."""
_REPAIR_TEMPERATURES = (0.2, 0.5, 0.8)


@dataclass(frozen=True)
class Draft:
    """One reward as the designer wrote it."""

    source: str
    """Python source; empty if no answer could be parsed."""
    exchanges: tuple[Exchange, ...] = ()
    """All calls for this reward, in order: the first design and the repairs."""
    problem: str = ""
    """Why the last answer could not be used; empty if it could."""
    fault: Fault | None = None
    """The kind of ``problem``; None if there is none."""
    calls: int = 0
    """Calls made for it."""
    candidate: str | None = None
    """Candidate id for the ledger, if the caller named it."""
    emphasis: str = ""
    """The line of the prompt that differs between samples; empty for the first sample."""


@register
class Designer:
    """Samples reward code from a model.

    :param temperature: base temperature; samples spread around it.
    :param seed: the run's seed. Another seed gives other samples; the same seed uses the cached answers.
    """

    role: ClassVar[RoleName] = "designer"

    def __init__(self, model: Model, prompts: Prompts, temperature: float = 0.8, seed: int = 0) -> None:
        self.model = model
        self.prompts = prompts
        self.temperature = temperature
        self.seed = seed

    @classmethod
    def opened(cls, model: Model, prompts: Prompts, settings: Settings) -> Self:
        """See :class:`~reward_synth.roles.registry.Role`."""
        return cls(model, prompts, settings.temperature, settings.seed)

    def design(
        self,
        brief: Brief,
        count: int,
        iteration: int,
        ids: Sequence[str] = (),
        *,
        conversation: Sequence[Message] = (),
        spread: bool = True,
    ) -> list[Draft]:
        """Sample ``count`` rewards in parallel.

        :param iteration: counted from 1; later iterations rotate to other emphases.
        :param ids: candidate ids in order, for the ledger.
        :param conversation: turns that follow the first prompt.
        :param spread: give each sample its own emphasis and temperature; otherwise all use the same.
        """
        folder = "small" if brief.small else "full"
        lines = self.prompts.lines(f"designer/{folder}/emphasis.txt")
        emphases = [line.removeprefix(_FALLS) for line in lines if brief.falls or not line.startswith(_FALLS)]
        requests, chosen = [], []
        for index in range(count):
            turn = (iteration - 1) * max(count - 1, 1) + index - 1
            emphasis = emphases[turn % len(emphases)] if index and spread else ""
            values = {"brief": brief, "emphasis": emphasis}
            temperature = self.temperature * (_SPREAD[index % len(_SPREAD)] if spread else 1.0)
            requests.append(
                Request(
                    messages=(*self._messages(folder, "design", values), *conversation),
                    role="designer",
                    candidate=ids[index] if ids else None,
                    temperature=round(min(_MAXIMUM_TEMPERATURE, temperature), 3),
                    max_tokens=_maximum_tokens(brief),
                    sample=self.seed * 10_000 + iteration * 100 + index,
                    grammar=self._grammar(brief),
                )
            )
            chosen.append(emphasis)
        answers = ask_many(self.model, requests, extract_code, self.prompts)
        starts = [
            Draft("", candidate=request.candidate, emphasis=emphasis)
            for request, emphasis in zip(requests, chosen, strict=True)
        ]
        return [_drafted(start, answer) for start, answer in zip(starts, answers, strict=True)]

    def repair(self, brief: Brief, jobs: list[tuple[Draft, tuple[Finding, ...]]]) -> list[Draft]:
        """Ask for a repair of each draft by its findings. A draft whose repair cannot be parsed keeps its source."""
        folder = "small" if brief.small else "full"
        requests = []
        for draft, findings in jobs:
            values = {"brief": brief, "source": draft.source, "findings": findings, "emphasis": draft.emphasis}
            turn = min(max(len(draft.exchanges) - 1, 0), len(_REPAIR_TEMPERATURES) - 1)
            requests.append(
                Request(
                    messages=self._messages(folder, "repair", values),
                    role="designer",
                    candidate=draft.candidate,
                    temperature=_REPAIR_TEMPERATURES[turn],
                    max_tokens=_maximum_tokens(brief),
                    # The number changes each round: the same finding on the same code must not come from the cache.
                    sample=self.seed * 10_000 + len(draft.exchanges),
                    grammar=self._grammar(brief),
                )
            )
        answers = ask_many(self.model, requests, extract_code, self.prompts)
        return [_drafted(draft, answer) for (draft, _), answer in zip(jobs, answers, strict=True)]

    def _messages(self, folder: str, name: str, values: dict[str, object]) -> tuple[Message, ...]:
        system = self.prompts.render(f"designer/{folder}/system.md.j2", **values)
        user = self.prompts.render(f"designer/{folder}/{name}.md.j2", **values)
        return Message(role="system", content=system), Message(role="user", content=user)

    def _grammar(self, brief: Brief) -> str | None:
        """For a small model: a grammar of the reward contract, which excludes unknown fields and bare sums."""
        if not brief.small or not brief.short_layout:
            return None
        scalars = [name for name, shape in brief.short_layout if not shape]
        vectors = [(name, shape[0]) for name, shape in brief.short_layout if len(shape) == 1]
        values = {"scalars": scalars, "vectors": vectors, "action_size": brief.action_size}
        return self.prompts.render("designer/small/reward.gbnf.j2", **values)


def _maximum_tokens(brief: Brief) -> int:
    # Small models run on a laptop's processor at 10 to 20 tokens per second. A good reward has 150 to 300 tokens.
    return 500 if brief.small else 4096


def _drafted(before: Draft, answer: Answer[str] | Unparseable) -> Draft:
    exchange = Exchange("designer", as_text(answer.request), answer.reply.text)
    exchanges, calls = (*before.exchanges, exchange), before.calls + answer.attempts
    if isinstance(answer, Unparseable):
        return replace(before, exchanges=exchanges, calls=calls, problem=answer.reason, fault=answer.fault)
    return replace(before, source=answer.value, exchanges=exchanges, calls=calls, problem="", fault=None)
