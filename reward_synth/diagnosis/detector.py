"""A detector answers one rule from the numbers of a training, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reward_synth.core.rules import Rule, declare
from reward_synth.core.types import Finding, Verdict
from reward_synth.diagnosis.evidence import Evidence

Said = Iterator[tuple[str, str]]
"""Message and fix of each finding. The message states the numbers behind it, so that a person can disagree."""
Detect = Callable[[Evidence], Said]
Need = Callable[[Evidence], Verdict | None]
"""None if the rule can be applied, else the verdict to return instead."""


@dataclass(frozen=True)
class Answer:
    """The answer of one rule for one training. Its findings are warnings, since the reward was already trained."""

    rule: Rule
    verdict: Verdict
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Detector:
    """A rule and the function that answers it."""

    rule: Rule
    needs: tuple[Need, ...]
    detect: Detect

    def __call__(self, evidence: Evidence) -> Answer:
        """The answer for one training. The first unmet need decides it."""
        for need in self.needs:
            if (unmet := need(evidence)) is not None:
                return Answer(self.rule, unmet)
        findings = tuple(self.rule.finding(message, fix) for message, fix in self.detect(evidence))
        return Answer(self.rule, "found" if findings else "not found", findings)


def detector(*needs: Need) -> Callable[[Detect], Detector]:
    """Declare the rule ``training/NAME`` from a function; its docstring holds the question, then the rule's text."""

    def made(detect: Detect) -> Detector:
        question, _, doc = (detect.__doc__ or "").partition("\n\n")
        name = detect.__name__.replace("_", "-")
        return Detector(declare("training", name, "warning", question, " ".join(doc.split())), needs, detect)

    return made


def unsolved(evidence: Evidence) -> Verdict | None:
    """Require that the task is unsolved: advice on a reward that works would only do harm."""
    return "not applicable" if evidence.solved else None


def trained_out(evidence: Evidence) -> Verdict | None:
    """Require that no rung ended the training: the terms of a short training do not show what they lead to."""
    return "not enough data" if evidence.cut_short else None


def points(fewest: int) -> Need:
    """Require at least this many evaluations during training."""
    return lambda evidence: "not enough data" if len(evidence.curve) < fewest else None


def episodes(fewest: int) -> Need:
    """Require at least this many episodes in the final evaluation."""
    return lambda evidence: "not enough data" if len(evidence.scores) < fewest else None


def seeds(fewest: int) -> Need:
    """Require at least this many trained and evaluated seeds."""
    return lambda evidence: "not enough data" if sum(bool(r.episodes) for r in evidence.trained) < fewest else None


def terms(fewest: int) -> Need:
    """Require at least this many reward terms. A question about several terms does not apply to a single one."""

    def need(evidence: Evidence) -> Verdict | None:
        if not evidence.terms:
            return "not enough data"
        return "not applicable" if len(evidence.terms) < fewest else None

    return need


def trajectories(evidence: Evidence) -> Verdict | None:
    """Require recorded episodes of the final evaluation. If they were played but not kept, the rule could not run."""
    if evidence.played:
        return None
    return "could not run" if evidence.scores else "not enough data"
