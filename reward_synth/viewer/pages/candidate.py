"""One candidate: its code with findings at their lines, its ancestry, training, films, prompts and answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import Response

from reward_synth.api.run import Run
from reward_synth.core.types import CheckReport
from reward_synth.diagnosis.evidence import merge_curves, merge_terms
from reward_synth.viewer.code import difference, highlighted
from reward_synth.viewer.pages.rendering import page
from reward_synth.viewer.pages.run import as_point

_PROMPT = re.compile(r"(\d+)-([a-z_]+)\.prompt\.md")


@dataclass(frozen=True)
class Exchange:
    """One model call about the candidate."""

    number: int
    role: str
    prompt: str
    answer: str


def candidate_page(run: Run, name: str) -> Response:
    """The whole page; RewardSynthError if there is no such candidate."""
    candidate, store = run.candidate(name), run.store
    report = store.read_check(name) or CheckReport()
    findings = (*report.findings, *store.training_findings(name))
    source = store.read_reward(name) if store.has_reward(name) else ""
    parents = [parent for parent in candidate.parents if store.has_reward(parent)]
    return page(
        "candidate.html.j2",
        run=run,
        candidate=candidate,
        report=report,
        findings=findings,
        source=source,
        lines=highlighted(source, report.terms, findings),
        differences={parent: difference(store.read_reward(parent), source) for parent in parents},
        films=store.film_names(name),
        exchanges=exchanges(store.candidate_dir(name) / "llm"),
        summary=store.read_summary(name),
        unit=run.task.fitness_unit,
        warnings=tuple(run.edits([name]).values()),
        others=[other.id for other in run.candidates if other.status == "trained" and other.id != name],
    )


def exchanges(folder: Path) -> list[Exchange]:
    """Every prompt in a folder with its answer, in order."""
    found = []
    for path in sorted(folder.glob("*.prompt.md")):
        match = _PROMPT.fullmatch(path.name)
        answer = path.with_name(path.name.replace(".prompt.", ".answer."))
        if match and answer.exists():
            texts = (each.read_text(encoding="utf-8", errors="replace") for each in (path, answer))
            found.append(Exchange(int(match[1]), match[2], *texts))
    return found


def candidate_curves(run: Run, name: str) -> dict[str, Any]:
    """The course of its training: evaluations, and each term's mean and share at the same points."""
    results = run.results(name)
    report = run.store.read_check(name) or CheckReport()
    return {
        "unit": run.task.fitness_unit,
        "threshold": run.task.success_threshold,
        "points": [as_point(point) for point in merge_curves(results)],
        "terms": [
            {"name": term.name, "mean": term.mean, "share": term.share}
            for term in sorted(merge_terms(results), key=lambda term: _place(report.terms, term.name))
        ],
    }


def _place(terms: tuple[str, ...], name: str) -> int:
    return terms.index(name) if name in terms else len(terms)
