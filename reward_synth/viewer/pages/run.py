"""One run: what counts, what is being done, its candidates and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from reward_synth.api.run import Run
from reward_synth.core.feedback import FeedbackCandidate, FeedbackRequest
from reward_synth.core.types import Candidate, EvaluationPoint
from reward_synth.diagnosis.evidence import merge_curves
from reward_synth.display.text import passed_over_text
from reward_synth.store import RunStore
from reward_synth.viewer.pages.rendering import page
from reward_synth.viewer.stream import Teller, Told

EVENTS_SHOWN = 200
EVENT_BYTES = 200_000
"""Of the end of the journal; older events are in ``reward-synth logs``."""


@dataclass(frozen=True)
class Row:
    """One candidate in the table."""

    candidate: Candidate
    films: tuple[str, ...]
    seconds: float | None
    """Wall time of its trainings, which may have run side by side; None before the first has ended."""


def run_page(run: Run) -> Response:
    """The whole page."""
    store = run.store
    has_task = store.read_task() is not None
    events, offset = _events(store)
    return page(
        "run.html.j2",
        **_facts(run),
        task=run.task if has_task else None,
        events=events,
        offset=offset,
        readings=store.read_iterations(),
    )


def run_table(run: Run) -> Response:
    """The part of the page that changes while the run works: its status, its question and its candidates."""
    return page("run_table.html.j2", **_facts(run))


def _facts(run: Run) -> dict[str, Any]:
    store, candidates, best = run.store, run.candidates, run.info.best
    rows = [_row(store, candidate) for candidate in candidates]
    return {
        "run": run,
        "info": run.info,
        "status": run.status,
        "working": store.is_locked(),
        "stopping": store.stop_requested(),
        "rows": rows,
        "passed_over": passed_over_text(best, candidates),
        "request": _request(store, candidates),
        "answers": store.answers(),
        "warnings": tuple(dict.fromkeys((*run.info.warnings, *run.edits([best] if best else []).values()))),
        "has_report": (store.path / "report.html").exists(),
    }


def _row(store: RunStore, candidate: Candidate) -> Row:
    films = tuple(store.film_names(candidate.id))
    trained = candidate.status in ("trained", "crashed", "stopped")
    results = store.results(candidate.id) if trained else []
    return Row(candidate, films, sum(result.seconds for result in results) if results else None)


def _events(store: RunStore) -> tuple[list[Told], int]:
    """The newest events that have words, and the journal's offset after them; of progress the last report alone."""
    size = store.events_path.stat().st_size if store.events_path.exists() else 0
    records, offset = store.events_since(max(0, size - EVENT_BYTES))
    told = [each for each in Teller(store.info.created.timestamp()).tell_all(records) if each.lines]
    return [each for each in told[:-1] if not each.passing][-EVENTS_SHOWN:] + told[-1:], offset


def _request(store: RunStore, candidates: Sequence[Candidate]) -> FeedbackRequest | None:
    """The oldest open question; else, if something was designed, a place for advice."""
    for iteration in store.open_requests():
        if (request := store.read_request(iteration)) is not None:
            return request
    if not candidates:
        return None
    latest = max(candidate.iteration for candidate in candidates)
    asked = [each for each in candidates if each.iteration == latest]
    shown = tuple(FeedbackCandidate(id=each.id, status=each.status, reward="") for each in asked)
    return FeedbackRequest(iteration=latest, question="", candidates=shown)


def curves(run: Run) -> dict[str, Any]:
    """Each candidate's evaluations in the course of its training: from its results, else from the journal."""
    store, found = run.store, dict[str, list[EvaluationPoint]]()
    for record in store.events():
        if record.get("kind") == "training" and record.get("evaluation") and record.get("seed") == 0:
            try:
                point = EvaluationPoint.model_validate(record["evaluation"])
            except ValidationError:
                continue
            points = found.setdefault(str(record["candidate"]), [])
            if not points or points[-1].step < point.step:
                points.append(point)
    for candidate in run.candidates:
        if candidate.status in ("trained", "stopped") and (results := store.results(candidate.id)):
            found[candidate.id] = list(merge_curves(results)) or found.get(candidate.id, [])
    return {
        "unit": run.task.fitness_unit if store.read_task() is not None else "",
        "threshold": run.task.success_threshold if store.read_task() is not None else None,
        "curves": {name: [as_point(point) for point in points] for name, points in found.items() if points},
        "parents": {candidate.id: candidate.parents for candidate in run.candidates},
    }


def as_point(point: EvaluationPoint) -> dict[str, float]:
    """What a chart needs of one evaluation."""
    return {
        "step": point.step,
        "success": point.success,
        "fitness": point.fitness,
        "deviation": point.fitness_deviation,
    }
