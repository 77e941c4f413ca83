"""A detector answers one rule from the numbers of a training, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reward_synth.core.rules import Rule, declare
from reward_synth.core.types import Finding, Verdict
from reward_synth.diagnosis.evidence import Evidence

Said = Iterator[tuple[str, str]]
"""Message and fix of each finding. The message states the numbers it was found by, so that a person can disagree."""
Detect = Callable[[Evidence], Said]
Need = Callable[[Evidence], Verdict | None]
"""None if the question can be asked, else what is answered instead."""


@dataclass(frozen=True)
class Answer:
    """What one rule says of one training; its findings are warnings, as the reward has been trained already."""

    rule: Rule
    verdict: Verdict
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Detector:
    """A rule, and how it is answered."""

    rule: Rule
    needs: tuple[Need, ...]
    detect: Detect

    def __call__(self, evidence: Evidence) -> Answer:
        """The answer for one training; the first need that is not met decides."""
        for need in self.needs:
            if (unmet := need(evidence)) is not None:
                return Answer(self.rule, unmet)
        findings = tuple(self.rule.finding(message, fix) for message, fix in self.detect(evidence))
        return Answer(self.rule, "found" if findings else "not found", findings)


def detector(*needs: Need) -> Callable[[Detect], Detector]:
    """Declare the rule ``training/…`` of the function's name; its docstring is the question, then when it is found."""

    def made(detect: Detect) -> Detector:
        question, _, doc = (detect.__doc__ or "").partition("\n\n")
        name = detect.__name__.replace("_", "-")
        return Detector(declare("training", name, "warning", question, " ".join(doc.split())), needs, detect)

    return made


def unsolved(evidence: Evidence) -> Verdict | None:
    """The task is not solved: advice on a reward that works would only do harm."""
    return "not applicable" if evidence.solved else None


def trained_out(evidence: Evidence) -> Verdict | None:
    """The training was not stopped at a rung: by then its terms tell how a policy begins, and not what they lead to."""
    return "not enough data" if evidence.cut_short else None


def points(fewest: int) -> Need:
    """So many evaluations during training."""
    return lambda evidence: "not enough data" if len(evidence.curve) < fewest else None


def episodes(fewest: int) -> Need:
    """So many episodes of the final evaluation."""
    return lambda evidence: "not enough data" if len(evidence.scores) < fewest else None


def seeds(fewest: int) -> Need:
    """So many seeds that were trained and evaluated."""
    return lambda evidence: "not enough data" if sum(bool(r.episodes) for r in evidence.trained) < fewest else None


def terms(fewest: int) -> Need:
    """So many reward terms; what is asked of several does not apply to one."""

    def need(evidence: Evidence) -> Verdict | None:
        if not evidence.terms:
            return "not enough data"
        return "not applicable" if len(evidence.terms) < fewest else None

    return need


def trajectories(evidence: Evidence) -> Verdict | None:
    """Recorded episodes of the final evaluation; where they were played but not kept, nothing can be computed."""
    if evidence.played:
        return None
    return "could not run" if evidence.scores else "not enough data"
