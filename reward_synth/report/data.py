"""Makes the plots and the page of a run from its folder."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

from reward_synth.core.files import write_text
from reward_synth.core.number_format import total
from reward_synth.diagnosis.evidence import merge_curves, merge_terms
from reward_synth.display.text import comparison_text, passed_over_text, selection_text
from reward_synth.report import plots
from reward_synth.report.html import BestReward, CostRow, FilmLink, ReportData, render_report
from reward_synth.store import CostLine, RunStore, given_up_in_words
from reward_synth.tasks.spec import load_task

FILM_BYTES = 15_000_000
"""Films of this size in all are part of the page itself; those beyond lie beside it."""


def write_plots(store: RunStore, candidate: str) -> list[Path]:
    """Draw a trained candidate's curves into its ``plots`` folder. Returns the files written, if there are curves."""
    task = load_task(store.task_path)
    results = store.results(candidate)
    curve, terms = merge_curves(results), merge_terms(results)
    drawn = {}
    if curve:
        drawn["training.svg"] = plots.training_curve(curve, task.fitness_unit, task.success_threshold)
    if terms:
        drawn["terms.svg"] = plots.term_shares(terms, [point.step for point in curve])
    folder = store.candidate_dir(candidate) / "plots"
    for name, svg in drawn.items():
        write_text(folder / name, svg)
    return [folder / name for name in drawn]


def write_report(store: RunStore) -> Path:
    """Write ``report.html`` from the present content of the run folder, at any time after the task is settled.

    :raises RewardSynthError: the run has no task yet, or a file of it cannot be parsed.
    """
    path = store.path / "report.html"
    write_text(path, render_report(report_data(store)))
    return path


def report_data(store: RunStore) -> ReportData:
    """Everything that the page shows, as plain values."""
    info = store.info.model_copy(update={"id": store.id})
    candidates, evaluations = tuple(store.candidates()), store.evaluations()
    agreements = store.read_agreements()
    command = store.path / "command.txt"
    return ReportData(
        info=info,
        task=load_task(store.task_path),
        command=command.read_text(encoding="utf-8").strip() if command.exists() else "",
        candidates=candidates,
        best=_best(store, info.best),
        readings=store.read_iterations(),
        feedback=store.answers(),
        compared=comparison_text(store.known(info.best) if info.best else None, store.started_with()),
        chosen=selection_text(store.settings().select == "person", agreements),
        passed_over=passed_over_text(info.best, candidates),
        agreements=agreements,
        costs=cost_rows(store.costs()),
        given_up=given_up_in_words(store.given_up()),
        evaluations=tuple(evaluations),
        films=films(store, info.best, (candidate.id for candidate in candidates)),
        environment_steps=sum(candidate.steps for candidate in candidates)
        + sum(evaluation.total_steps for evaluation in evaluations),
        steps_saved=sum(candidate.steps_saved for candidate in candidates),
    )


def films(store: RunStore, best: str | None, candidates: Iterable[str]) -> tuple[FilmLink, ...]:
    """The films of all candidates, the best one's first: embedded up to :data:`FILM_BYTES` in all, then as links."""
    names = dict.fromkeys(([best] if best is not None else []) + list(candidates))
    found, left = [], FILM_BYTES
    for path in (store.film_path(name, which) for name in names for which in store.film_names(name)):
        size = path.stat().st_size
        title = f"{path.parent.parent.name}, {path.stem}{_finding_of(store, path)}"
        if embedded := size <= left:
            left -= size
            address = f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
        else:
            address = path.relative_to(store.path).as_posix()
        found.append(FilmLink(title, address, embedded))
    return tuple(found)


def _finding_of(store: RunStore, film: Path) -> str:
    """What the film of a finding's episode shows, in words; empty for other films."""
    name = film.parent.parent.name
    report = store.read_check(name) if film.stem in store.shown_findings(name) else None
    return next((f": {each.message}" for each in report.findings if each.rule == film.stem), "") if report else ""


def cost_rows(calls: Iterable[CostLine]) -> tuple[CostRow, ...]:
    """Calls summed by role and model. A sum is unknown if one of its parts is."""
    groups: dict[tuple[str, str], list[CostLine]] = {}
    for call in calls:
        groups.setdefault((call.role, call.model), []).append(call)
    return tuple(
        CostRow(
            role=role,
            model=model,
            calls=len(group),
            prompt_tokens=total(call.prompt_tokens for call in group),
            completion_tokens=total(call.completion_tokens for call in group),
            usd=total(call.usd for call in group),
            seconds=sum(call.seconds for call in group),
        )
        for (role, model), group in groups.items()
    )


def _best(store: RunStore, name: str | None) -> BestReward | None:
    if name is None or store.known(name) is None:
        return None
    results, check = store.results(name), store.read_check(name)
    return BestReward(
        id=name,
        source=store.read_reward(name),
        summary=store.read_summary(name),
        evaluations=merge_curves(results),
        terms=merge_terms(results),
        pay=check.pay if check else (),
    )
