"""Sums up a candidate's training in numbers, findings and words, for the analyzer and the person."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import Finding, TrainResult
from reward_synth.diagnosis import text
from reward_synth.diagnosis.detector import Answer
from reward_synth.diagnosis.evidence import Evidence, link_terms, merge_curves, merge_terms
from reward_synth.diagnosis.training_rules import DETECTORS
from reward_synth.diagnosis.trajectories import (
    Played,
    Timeline,
    best_and_worst,
    shown_fields,
    summarize_episode,
    timeline_of_failure,
)
from reward_synth.evaluation.conditions import Condition
from reward_synth.evaluation.scoring import measured_table
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Summary:
    """The summary of a candidate's training."""

    data: dict[str, Any]
    """``summary.json``: plain JSON values; a number that is not finite is null."""
    text: str
    """``summary.md``: exactly the text that the analyzer gets, about 80 lines of Markdown."""
    short: str
    """The same in at most 25 lines, for a small model or a terminal."""
    findings: tuple[Finding, ...]
    """Findings of the training rules, the most important first."""


def summarize(
    spec: TaskSpec,
    table: FieldTable,
    candidate_id: str,
    result: Sequence[TrainResult],
    episodes: Sequence[Episode],
    terms_on_episodes: Sequence[Mapping[str, FloatArray]] | None = None,
    *,
    fields: Sequence[str] = (),
    falls: bool = False,
    conditions: Sequence[Condition] = (),
) -> Summary:
    """Turn one candidate's trainings into numbers, findings and text.

    :param table: the environment's full field table, for units and action bounds.
    :param result: one per seed, in the order of the seeds.
    :param episodes: the final evaluation episodes of all seeds, in the order of ``result`` and, within a
        seed, of its ``episodes``; empty if no trajectory was kept.
    :param terms_on_episodes: for each episode, each reward term's value at each step, (T,); None leaves out
        the correlation between terms and fitness.
    :param fields: names of the state fields that the reward reads. They are reported besides the essential ones
        and those of a drafted measure.
    :param falls: as in :class:`~reward_synth.diagnosis.evidence.Evidence`.
    :param conditions: those of the task's success, with the number of these episodes that fulfil each.
    :raises ValueError: if episodes, their terms and their measurements differ in number.
    """
    scores = [m for one in result for m in one.episodes]
    if episodes and len(episodes) != len(scores):
        raise ValueError(f"{len(episodes)} episodes for {len(scores)} measurements")
    if terms_on_episodes is not None and len(terms_on_episodes) != len(scores):
        raise ValueError(f"terms of {len(terms_on_episodes)} episodes for {len(scores)} measurements")
    whole = [one for one in result if one.status == "trained"] or list(result)
    evidence = Evidence(
        task=spec,
        table=table,
        candidate_id=candidate_id,
        results=tuple(result),
        curve=merge_curves(whole),
        terms=merge_terms(whole),
        links=link_terms(terms_on_episodes or (), scores),
        played=tuple(Played(m, e) for m, e in zip(scores, episodes, strict=False)),
        fields=shown_fields(table, fields, _measured(spec, table)),
        falls=falls,
        conditions=tuple(conditions),
        reads=tuple(fields),
    )
    answers = [ask(evidence) for ask in DETECTORS]
    findings = tuple(finding for answer in answers for finding in answer.findings)
    extremes = [
        summarize_episode(label, played, table, evidence.fields)
        for label, played in zip(("best", "worst"), best_and_worst(evidence.played), strict=False)
    ]
    timeline = timeline_of_failure(evidence.played, table, evidence.fields)
    told = {"trajectories": [dataclasses.asdict(e) for e in extremes], "timeline": _columns(timeline)}
    return Summary(
        data=_plain(_data(evidence, answers) | told),
        text=text.full(evidence, findings, extremes, timeline),
        short=text.short(evidence, findings, extremes),
        findings=findings,
    )


def _measured(spec: TaskSpec, table: FieldTable) -> tuple[str, ...]:
    """Fields of a drafted measure. The environment's essential fields were not chosen with the goal in mind."""
    return measured_table(spec, table).for_rewards().names if spec.drafted else ()


def _data(evidence: Evidence, answers: Sequence[Answer]) -> dict[str, Any]:
    return {
        "candidate": evidence.candidate_id,
        "task": evidence.task.name,
        "solved": evidence.solved,
        "success": evidence.success if evidence.scores else None,
        "success_any": evidence.success_any if evidence.scores else None,
        "fitness": evidence.fitness,
        "fitness_unit": evidence.task.fitness_unit,
        "conditions": [dataclasses.asdict(condition) for condition in evidence.conditions],
        "episodes": [m.model_dump() for m in evidence.scores],
        "seeds": [
            {
                "seed": one.seed,
                "status": one.status,
                "reason": one.reason,
                "steps": one.steps,
                "seconds": one.seconds,
                "success": one.success if one.episodes else None,
                "fitness": one.fitness,
            }
            for one in evidence.results
        ],
        "curve": [point.model_dump() for point in evidence.curve],
        "terms": [term.model_dump(mode="json") for term in evidence.terms],
        "terms_and_fitness": [dataclasses.asdict(link) for link in evidence.links],
        "before_failure": [dataclasses.asdict(each) for each in evidence.precursors],
        "findings": [finding.model_dump() for answer in answers for finding in answer.findings],
        "verdicts": {answer.rule.id: answer.verdict for answer in answers},
    }


def _columns(timeline: Timeline | None) -> dict[str, Any] | None:
    if timeline is None:
        return None
    return {
        "seed": timeline.seed,
        "fitness": timeline.fitness,
        "steps": timeline.steps,
        "fields": {series.name: series.values.tolist() for series in timeline.fields},
    }


def _plain(value: Any) -> Any:
    """Plain JSON values; numbers that are not finite become null, because JSON has no NaN."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
