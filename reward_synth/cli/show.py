"""``show``: a run, or one of its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from reward_synth.cli import options
from reward_synth.cli.text import one_line, print_json, print_pay, print_table, run_argument
from reward_synth.core.number_format import dollars, duration, short_number, short_percent
from reward_synth.display.text import (
    comparison_text,
    evaluation_lines,
    passed_over_text,
    printable,
    result_text,
    selection_text,
)

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.core.agreement import Agreements


def show(
    run: options.RunName = "latest",
    candidate: options.CandidateName = None,
    runs_dir: options.RunsDir = None,
    json: options.Json = False,
) -> None:
    """A run and its candidates, or one candidate: its reward, figures and findings."""
    found = options.open_run(run, runs_dir)
    if candidate is None:
        _show_run(found, json)
    else:
        _show_candidate(found, candidate, json)


def _show_run(run: Run, as_json: bool) -> None:
    info, candidates = run.info, run.candidates
    evaluations, agreements = run.store.evaluations(), run.store.read_agreements()
    if as_json:
        print_json(
            info.model_dump(mode="json")
            | {"status": run.status, "cost_usd": run.cost, "path": str(run.path)}
            | {"candidates": [candidate.model_dump(mode="json") for candidate in candidates]}
            | {"agreements": agreements.model_dump(mode="json") if agreements else None}
            | {"evaluations": [evaluation.model_dump(mode="json") for evaluation in evaluations]}
        )
        return
    chosen = selection_text(run.store.settings().select == "person", agreements)
    facts = [("best", chosen)] if chosen else []
    facts += _facts(run, agreements)
    for name, value in facts:
        typer.echo(f"{name:<8}{one_line(value)}")
    if candidates:
        typer.echo("")
        agreed = agreements.values if agreements else {}
        header = ["candidate", "status", "success", "fitness", *(["agrees"] if agreements else []), "parents", "reason"]
        rows = []
        for c in candidates:
            agrees = [f"{agreed[c.id]:+.2f}" if c.id in agreed else ""] if agreements else []
            figures = [short_percent(c.success), short_number(c.fitness), *agrees]
            whose = [] if c.author == "designer" else [f"by {c.author}"]
            rows.append([c.id, c.status, *figures, ",".join([*c.parents, *whose]), c.reason])
        print_table(header, rows)
        if not chosen and (why := passed_over_text(info.best, candidates)):
            typer.echo(f"\n{why}")
    if agreements:
        typer.echo(f"\n{agreements.measure_text}")
    for evaluation in evaluations:
        lines = "\n  ".join(evaluation_lines(evaluation, run.task.fitness_unit))
        typer.echo(printable(f"\nfinal training of {evaluation.candidate}\n  {lines}"))
    for iteration, text in run.store.read_iterations().items():
        typer.echo(f"\niteration {iteration}\n{printable(text).rstrip()}")
    for iteration in run.store.open_requests():
        typer.echo(f"\nYour feedback on iteration {iteration} is asked for: reward-synth feedback {run_argument(run)}")


def _facts(run: Run, agreements: Agreements | None) -> list[tuple[str, str]]:
    info = run.info
    reason = f" ({info.reason})" if info.reason else ""
    facts = [("goal", info.goal), ("task", info.task or "not chosen yet"), ("status", f"{run.status}{reason}")]
    facts += [("folder", str(run.path)), ("time", f"{duration(run.seconds)} of work"), ("models", dollars(run.cost))]
    if info.sandbox:
        facts.append(("sandbox", info.sandbox))
    if run.best:
        facts.append(("best", f"{info.best}  {run.reward_path}"))
    if compared := comparison_text(run.best, run.store.started_with()):
        facts.append(("yours", compared))
    contradicted = [agreements.warning] if agreements and agreements.warning else []
    return facts + [
        ("warning", text)
        for text in dict.fromkeys((*info.warnings, *run.store.damage(), *run.edits().values(), *contradicted))
    ]


def _show_candidate(run: Run, name: str, as_json: bool) -> None:
    candidate, store = run.candidate(name), run.store
    report = store.read_check(name)
    source = store.read_reward(name) if store.has_reward(name) else ""
    if as_json:
        findings = [finding.model_dump(mode="json") for finding in report.findings] if report else []
        ranked = report.alignment.model_dump(mode="json") if report and report.alignment else None
        pay = [row.model_dump(mode="json") for row in report.pay] if report else []
        facts = {"reward": source, "findings": findings, "ranking": ranked, "pay": pay}
        data = candidate.model_dump(mode="json") | facts
        print_json(data | {"summary": store.read_summary(name), "path": str(store.candidate_dir(name))})
        return
    reason = f": {candidate.reason}" if candidate.reason else ""
    parents = f", from {', '.join(candidate.parents)}" if candidate.parents else ""
    typer.echo(one_line(f"{candidate.id} {candidate.status}{reason}"))
    author = one_line(f"{candidate.author}{parents}")
    typer.echo(f"by {author}, {candidate.repairs} repairs, {candidate.steps:,} steps trained")
    typer.echo(result_text(candidate.success, candidate.fitness, candidate.success_interval))
    typer.echo(f"{store.candidate_dir(name)}")
    shown = store.shown_findings(name)
    if report and report.alignment:
        typer.echo(f"  {one_line(report.alignment.as_text())}")
    for finding in report.findings if report else ():
        typer.echo(f"  {finding.severity} ({finding.source}): {one_line(finding.as_text())}")
        if finding.rule in shown:
            film = store.film_path(name, finding.rule)
            typer.echo(f"    film: {film if film.exists() else 'none'}")
    if report:
        print_pay(report)
    typer.echo(f"\n{printable(source).rstrip()}" if source else "\nits model answer held no code")
    if summary := store.read_summary(name):
        typer.echo(f"\n{printable(summary).rstrip()}")
