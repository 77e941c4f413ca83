"""The summary as text and tables: long for the analyzer and people, short for small models."""

from __future__ import annotations

from collections.abc import Sequence

from reward_synth.core.number_format import number, percent, plural, steps, with_unit
from reward_synth.core.types import Finding, TermStatistics
from reward_synth.diagnosis.evidence import Evidence
from reward_synth.diagnosis.precursors import LAST_STEPS, Precursor
from reward_synth.diagnosis.trajectories import EpisodeSummary, Series, SeriesSummary, Timeline
from reward_synth.evaluation.conditions import LENGTH, Condition

MOST_TERMS = 8
SHORT_TERMS = 5
SHORT_FINDINGS = 4
SHORT_FIELDS = 4
SHORT_POINTS = 5
SHORT_PRECURSORS = 3


def full(
    evidence: Evidence, findings: Sequence[Finding], extremes: Sequence[EpisodeSummary], timeline: Timeline | None
) -> str:
    """The whole summary, about 80 lines."""
    parts = [
        [f"# {headline(evidence)}", "", story(evidence)],
        _findings(findings),
        _curve(evidence),
        _terms(evidence),
        _trajectories(extremes),
        _timeline(timeline),
        _failures(evidence),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def short(evidence: Evidence, findings: Sequence[Finding], extremes: Sequence[EpisodeSummary]) -> str:
    """The summary in at most 25 lines, without tables."""
    lines = [headline(evidence), story(evidence)]
    if findings:
        lines.append("What went wrong:")
        lines += [f"{i}. {f.as_text()}" for i, f in enumerate(findings[:SHORT_FINDINGS], start=1)]
    lines += _short_failures(evidence)
    lines += _short_curve(evidence)
    terms = sorted(evidence.terms, key=lambda term: -term.share[-1])[:SHORT_TERMS]
    if terms:
        lines.append("Reward terms, per step:")
        lines += [_short_term(evidence, term) for term in terms]
    for extreme in extremes:
        lines.append(f"{_episode_headline(extreme)}:")
        lines += [_short_series(series) for series in extreme.fields[:SHORT_FIELDS]]
    return "\n".join(lines[:25]) + "\n"


def headline(evidence: Evidence) -> str:
    """The outcome in one line."""
    if not evidence.scores:
        return f"Candidate {evidence.candidate_id}: no evaluation"
    succeeded = sum(m.success for m in evidence.scores)
    outcome = f"{succeeded} of {plural(len(evidence.scores), 'episode')} succeeded"
    fitness = with_unit(evidence.fitness, evidence.task.fitness_unit)
    return f"Candidate {evidence.candidate_id}: {outcome}, fitness {fitness}"


def story(evidence: Evidence) -> str:
    """What happened, in sentences."""
    sentences = []
    trained = evidence.trained
    if not trained:
        sentences.append("No training ran to its end.")
    else:
        most = max(result.steps for result in trained)
        seeds = f" on each of {len(trained)} seeds" if len(trained) > 1 else ""
        sentences.append(f"Trained for {steps(most)} environment steps{seeds}.")
        sentences += [f"Its training: {reason}." for reason in dict.fromkeys(r.reason for r in trained if r.reason)]
    if evidence.scores:
        sentences.append(_outcome(evidence))
        lengths = [m.length for m in evidence.scores]
        ended = sum(m.terminated for m in evidence.scores)
        sentences.append(
            f"Episodes last {number(sum(lengths) / len(lengths))} of {evidence.task.horizon} steps"
            + (f"; the environment ended {ended} of {len(lengths)}." if ended else "; none was ended early.")
        )
    if len(evidence.curve) > 1:
        first, last = evidence.curve[0], evidence.curve[-1]
        sentences.append(
            f"From {steps(first.step)} to {steps(last.step)} steps, fitness went from {number(first.fitness)} to "
            f"{number(last.fitness)} and the generated reward from {number(first.reward)} to {number(last.reward)} "
            "a step."
        )
    return " ".join(sentences)


def _outcome(evidence: Evidence) -> str:
    needed = percent(evidence.task.success_threshold)
    if evidence.solved:
        return f"The task counts as solved ({needed} of the episodes must succeed)."
    reached = evidence.success_any - evidence.success
    passing = f" The predicate held at some step in {percent(evidence.success_any)}." if reached > 0 else ""
    succeed = percent(evidence.success)
    return f"The task is not solved: {succeed} of the episodes succeed, {needed} must.{passing}{_conditions(evidence)}"


def _conditions(evidence: Evidence) -> str:
    """Which conditions of success fail. Their code is nobody's business who writes rewards."""
    count = len(evidence.scores)
    told = [
        f"{place}. ({', '.join(f'`{name}`' if name != LENGTH else name for name in each.reads)}) by {each.fulfilled}"
        + _seen_by(each)
        for place, each in enumerate(evidence.conditions, start=1)
    ]
    return f" Of its {len(told)} conditions, these episodes ({count}) fulfil: {', '.join(told)}." if told else ""


def _seen_by(condition: Condition) -> str:
    """What a condition that some episodes fail found in them."""
    told = [
        f"{number(low)}{'' if low == high else f' to {number(high)}'} in those that {what}"
        for what, values in (("fail", condition.failing), ("do not", condition.passing))
        if values is not None
        for low, high in (values,)
    ]
    return f" (it found {', '.join(told)})" if told else ""


def _findings(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return ["## Findings", "", "None: no rule found anything wrong."]
    return ["## Findings", "", *(f"{i}. {finding.as_text()}" for i, finding in enumerate(findings, start=1))]


def _curve(evidence: Evidence) -> list[str]:
    if not evidence.curve:
        return []
    mean = f", mean over {len(evidence.trained)} seeds" if len(evidence.trained) > 1 else ""
    return [
        f"## During training{mean}",
        "",
        f"| step | success at end | success at any step | fitness ({evidence.task.fitness_unit}) "
        "| episode length | generated reward per step |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {steps(p.step)} | {percent(p.success)} | {percent(p.success_any)} | {number(p.fitness)} "
            f"| {number(p.episode_length)} | {number(p.reward)} |"
            for p in evidence.curve
        ),
    ]


def _terms(evidence: Evidence) -> list[str]:
    if not evidence.terms:
        return []
    # The terms with the largest shares, in the order of the reward.
    kept = sorted(evidence.terms, key=lambda term: -max(term.share))[:MOST_TERMS]
    shown = [term for term in evidence.terms if term in kept]
    points = max(len(term.mean) for term in shown)
    timed = len(evidence.curve) == points
    at = [steps(p.step) for p in evidence.curve] if timed else [str(i + 1) for i in range(points)]
    lines = [
        "## Reward terms per step (share: part of the sum of all terms' mean magnitudes)",
        "",
        f"| term | | {' | '.join(at)} |",
        f"| --- | --- |{' ---: |' * points}",
    ]
    for term in shown:
        extremes = [_range(a, b) for a, b in zip(term.minimum, term.maximum, strict=True)]
        rows = (("mean", map(number, term.mean)), ("min…max", extremes), ("share", map(percent, term.share)))
        lines += [f"| `{term.name}` | {kind} | {' | '.join(values)} |" for kind, values in rows]
    if len(shown) < len(evidence.terms):
        lines.append(f"\n{len(evidence.terms) - len(shown)} smaller terms are left out.")
    linked = [f"`{link.term}` {_r(link.correlation)}" for link in evidence.links]
    if linked:
        count = plural(len(evidence.scores), "evaluation episode")
        # If lengths differ, sums mostly measure the length.
        what = "mean per step" if any(link.per_step for link in evidence.links) else "episode sum"
        lines += ["", f"Correlation of each term's {what} with fitness over {count}: {', '.join(linked)}."]
    return lines


def _trajectories(extremes: Sequence[EpisodeSummary]) -> list[str]:
    if not extremes:
        return []
    heads = [f"{e.label}: start → end | mean ({e.label}) | min…max ({e.label})" for e in extremes]
    lines = [
        "## Trajectories",
        "",
        *(f"- {_episode_headline(extreme)}." for extreme in extremes),
        "",
        f"| field | {' | '.join(heads)} |",
        f"| --- |{' --- | ---: | --- |' * len(extremes)}",
    ]
    for row in zip(*(extreme.fields for extreme in extremes), strict=True):
        cells = (
            f"{number(s.start)} → {number(s.end)} | {number(s.mean)} | {_range(s.minimum, s.maximum)}" for s in row
        )
        lines.append(f"| {_name(row[0])} | {' | '.join(cells)} |")
    return lines


def _timeline(timeline: Timeline | None) -> list[str]:
    if timeline is None:
        return []
    columns = [[number(value) for value in series.values.tolist()] for series in timeline.fields]
    return [
        "## The failed episode with the best fitness, as it went",
        "",
        f"Fitness {number(timeline.fitness)}. Rows are closer where more changes.",
        "",
        f"| step | {' | '.join(_name(series) for series in timeline.fields)} |",
        f"| ---: |{' ---: |' * len(columns)}",
        *(f"| {step} | {' | '.join(row)} |" for step, *row in zip(timeline.steps, *columns, strict=True)),
    ]


def _failures(evidence: Evidence) -> list[str]:
    if not evidence.precursors:
        return []
    return [
        "## Before the environment ended failed episodes",
        "",
        f"Fields that were other than usual in the {LAST_STEPS} states before, read by the reward or not (medians):",
        "",
        "| field | before such an end | otherwise |",
        "| --- | ---: | ---: |",
        *(f"| {_name(p)} | {number(p.before)} | {number(p.otherwise)} |" for p in evidence.precursors),
    ]


def _short_failures(evidence: Evidence) -> list[str]:
    told = [
        f"{p.name} {number(p.before)} (otherwise {with_unit(p.otherwise, p.unit)})"
        for p in evidence.precursors[:SHORT_PRECURSORS]
    ]
    return [f"Before the environment ended failed episodes: {', '.join(told)}."] if told else []


def _episode_headline(extreme: EpisodeSummary) -> str:
    how = "ended by the environment" if extreme.terminated else "ran to the horizon"
    return (
        f"{extreme.label.capitalize()} episode: {'success' if extreme.success else 'no success'}, "
        f"fitness {number(extreme.fitness)}, {plural(extreme.length, 'step')}, {how}"
    )


def _name(series: Series | SeriesSummary | Precursor) -> str:
    return f"`{series.name}`" if series.unit in ("", "1") else f"`{series.name}` ({series.unit})"


def _short_curve(evidence: Evidence) -> list[str]:
    curve = evidence.curve
    if not curve:
        return []
    size = min(SHORT_POINTS, len(curve))
    points = [curve[round(i * (len(curve) - 1) / max(size - 1, 1))] for i in range(size)]
    fitness = ", ".join(f"{number(p.fitness)} at {steps(p.step)}" for p in points)
    success = ", ".join(percent(p.success) for p in points)
    return [f"Fitness during training: {fitness} steps. Success: {success}."]


def _short_term(evidence: Evidence, term: TermStatistics) -> str:
    link = next((link for link in evidence.links if link.term == term.name), None)
    linked = f", correlation with fitness {_r(link.correlation)}" if link and link.correlation is not None else ""
    return (
        f"- {term.name}: mean {number(term.mean[0])} at first, {number(term.mean[-1])} at the end "
        f"(from {number(min(term.minimum))} to {number(max(term.maximum))}), share {percent(term.share[-1])}{linked}"
    )


def _short_series(series: SeriesSummary) -> str:
    return (
        f"- {series.name}: {number(series.start)} to {with_unit(series.end, series.unit)}, "
        f"between {number(series.minimum)} and {number(series.maximum)}"
    )


def _range(low: float, high: float) -> str:
    return f"{number(low)}…{number(high)}"


def _r(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
