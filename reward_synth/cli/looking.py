"""``ls``, ``show``, ``diff``, ``logs``, ``cost``."""

from __future__ import annotations

import difflib
import json as json_module
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reward_synth.cli import options
from reward_synth.cli.options import CandidateName, Json, RunName
from reward_synth.cli.text import coloured, number, one_line, print_json, print_table, run_argument, share
from reward_synth.core.errors import RewardSynthError

if TYPE_CHECKING:
    from reward_synth.api.run import Run
    from reward_synth.store import CostLine, RunInfo


def _runs(folder: Path) -> Iterator[tuple[RunInfo, Run]]:
    """All runs of a folder, newest first; one that is not fit to be opened is named and left out."""
    from reward_synth.api.run import Run
    from reward_synth.store import list_runs

    for info in list_runs(folder):
        try:
            yield info, Run.open(folder / info.id)
        except RewardSynthError as error:
            typer.echo(f"left out: {one_line(error.message)}", err=True)


def ls(
    query: Annotated[str, typer.Option("-q", metavar="TEXT", help="Only runs whose goal or name holds this.")] = "",
    status: Annotated[str, typer.Option(metavar="STATUS", help="Only runs of this status.")] = "",
    runs_dir: options.RunsDir = None,
    json: Json = False,
) -> None:
    """List runs, newest first."""
    folder = options.runs_folder(runs_dir)
    rows = []
    for info, run in _runs(folder):
        state = run.status
        if query.lower() in f"{info.goal} {info.id}".lower() and status in ("", state):
            rows.append((info, state))
    if json:
        print_json([info.model_dump(mode="json") | {"status": state} for info, state in rows])
    elif rows:
        print_table(
            ("run", "status", "success", "best", "goal"),
            [(info.id, state, share(info.success), info.best or "", info.goal) for info, state in rows],
        )
    else:
        typer.echo(f"no runs in {folder}", err=True)


def show(
    run: RunName = "latest", candidate: CandidateName = None, runs_dir: options.RunsDir = None, json: Json = False
) -> None:
    """A run and its candidates, or one candidate: its reward, figures and findings."""
    from reward_synth.api.run import Run

    found = Run.open(run, options.runs_folder(runs_dir))
    if candidate is None:
        _show_run(found, json)
    else:
        _show_candidate(found, candidate, json)


def _show_run(run: Run, as_json: bool) -> None:
    from reward_synth.display.progress import dollars, duration, evaluation_lines, printable

    info, candidates = run.info, run.candidates
    evaluations = run.store.evaluations()
    if as_json:
        print_json(
            info.model_dump(mode="json")
            | {"status": run.status, "cost_usd": run.cost, "path": str(run.path)}
            | {"candidates": [candidate.model_dump(mode="json") for candidate in candidates]}
            | {"evaluations": [evaluation.model_dump(mode="json") for evaluation in evaluations]}
        )
        return
    reason = f" ({info.reason})" if info.reason else ""
    facts = [("goal", info.goal), ("task", info.task or "not chosen yet"), ("status", f"{run.status}{reason}")]
    facts += [("folder", str(run.path)), ("time", duration(run.seconds)), ("models", dollars(run.cost))]
    if info.sandbox:
        facts.append(("sandbox", info.sandbox))
    if info.best:
        facts.append(("best", f"{info.best}  {run.reward_path}"))
    for name, value in facts:
        typer.echo(f"{name:<8}{one_line(value)}")
    if candidates:
        typer.echo("")
        header = ("candidate", "status", "success", "fitness", "parents", "reason")
        print_table(
            header,
            [(c.id, c.status, share(c.success), number(c.fitness), ",".join(c.parents), c.reason) for c in candidates],
        )
    for evaluation in evaluations:
        lines = "\n  ".join(evaluation_lines(evaluation, run.task.fitness_unit))
        typer.echo(printable(f"\nfinal training of {evaluation.candidate}\n  {lines}"))
    for iteration, text in run.store.read_iterations().items():
        typer.echo(f"\niteration {iteration}\n{printable(text).rstrip()}")
    for iteration in run.store.open_requests():
        typer.echo(f"\nYour feedback on iteration {iteration} is asked for: reward-synth feedback {run_argument(run)}")


def _show_candidate(run: Run, name: str, as_json: bool) -> None:
    from reward_synth.display.progress import printable, result_text

    candidate, store = run.candidate(name), run.store
    report = store.read_check(name)
    source = store.read_reward(name) if store.has_reward(name) else ""
    if as_json:
        findings = [finding.model_dump(mode="json") for finding in report.findings] if report else []
        ranked = report.alignment.model_dump(mode="json") if report and report.alignment else None
        data = candidate.model_dump(mode="json") | {"reward": source, "findings": findings, "ranking": ranked}
        print_json(data | {"summary": store.read_summary(name), "path": str(store.candidate_dir(name))})
        return
    reason = f": {candidate.reason}" if candidate.reason else ""
    parents = f", from {', '.join(candidate.parents)}" if candidate.parents else ""
    typer.echo(one_line(f"{candidate.id} {candidate.status}{reason}"))
    author = one_line(f"{candidate.author}{parents}")
    typer.echo(f"by {author}, {candidate.repairs} repairs, {candidate.steps:,} steps trained")
    typer.echo(result_text(candidate.success, candidate.fitness, candidate.success_interval))
    typer.echo(f"{store.candidate_dir(name)}")
    if report and report.alignment:
        typer.echo(f"  {one_line(report.alignment.as_text())}")
    for finding in report.findings if report else ():
        typer.echo(f"  {finding.severity} ({finding.source}): {one_line(finding.as_text())}")
    typer.echo(f"\n{printable(source).rstrip()}" if source else "\nits model answer held no code")
    if summary := store.read_summary(name):
        typer.echo(f"\n{printable(summary).rstrip()}")


def diff(
    run: RunName,
    first: Annotated[str, typer.Argument(metavar="A", help="A candidate.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    runs_dir: options.RunsDir = None,
) -> None:
    """How two candidates' rewards differ."""
    from reward_synth.api.run import Run
    from reward_synth.display.progress import printable

    store = Run.open(run, options.runs_folder(runs_dir)).store
    before, after = (store.read_reward(name).splitlines() for name in (first, second))
    for line in difflib.unified_diff(before, after, f"{first}/reward.py", f"{second}/reward.py", lineterm=""):
        colour = {"+": typer.colors.GREEN, "-": typer.colors.RED, "@": typer.colors.CYAN}.get(line[:1])
        text = printable(line)
        typer.echo(typer.style(text, fg=colour) if colour and coloured() else text)


def logs(
    run: RunName = "latest",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until the run ends.")] = False,
    runs_dir: options.RunsDir = None,
    json: Json = False,
) -> None:
    """What happened in a run, event by event."""
    from reward_synth.api.run import Run

    store = Run.open(run, options.runs_folder(runs_dir)).store
    offset = 0
    while True:
        working = store.is_locked()
        events, offset = store.events_since(offset)
        for event in events:
            typer.echo(json_module.dumps(event, ensure_ascii=False) if json else _event_text(event))
        if not (follow and working):
            return
        time.sleep(0.5)


def _event_text(event: dict[str, Any]) -> str:
    from reward_synth.display.progress import printable

    facts = {name: value for name, value in event.items() if name not in ("time", "kind")}
    candidate = facts.get("candidate")
    if isinstance(candidate, dict):
        shown = ("status", "reason", "success", "fitness")
        facts = {"candidate": candidate.get("id")} | {name: candidate.get(name) for name in shown} | facts
        facts["candidate"] = candidate.get("id")
    plain = [f"{name}={value}" for name, value in facts.items() if value not in ("", None, []) and value != {}]
    return printable(" ".join([str(event.get("time", "")), str(event.get("kind", "")), *plain]).replace("\n", " "))


def cost(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="As for the other commands; all runs if not given.")
    ] = None,
    runs_dir: options.RunsDir = None,
    json: Json = False,
) -> None:
    """Model calls, tokens and dollars; training steps and processor time."""
    from reward_synth.api.run import Run

    folder = options.runs_folder(runs_dir)
    if run is None:
        rows = [_cost_row(item.id, item.costs) for _, item in _runs(folder)]
    else:
        one = Run.open(run, folder)
        roles = dict.fromkeys(line.role for line in one.costs)
        rows = [_cost_row(role, [line for line in one.costs if line.role == role]) for role in roles]
        rows.append(_cost_row("all", one.costs))
    training = None if run is None else _training_cost(Run.open(run, folder))
    if json:
        print_json({"calls": rows, "training": training} if training else {"calls": rows})
        return
    header = ("of", "calls", "cached", "tokens in", "tokens out", "usd", "seconds")
    print_table(header, [[_shown(row[name]) for name in _COST_KEYS] for row in rows])
    if training:
        typer.echo(
            f"\ntrained {training['steps']:,} steps in {training['trainings']} trainings, "
            f"{training['cpu_hours']:.2f} processor hours"
        )


_COST_KEYS = ("of", "calls", "cached", "prompt_tokens", "completion_tokens", "usd", "seconds")


def _cost_row(of: str, lines: Iterable[CostLine]) -> dict[str, Any]:
    lines = list(lines)
    return {
        "of": of,
        "calls": len(lines),
        "cached": sum(line.cached for line in lines),
        "prompt_tokens": _sum(line.prompt_tokens for line in lines),
        "completion_tokens": _sum(line.completion_tokens for line in lines),
        "usd": _sum(line.usd for line in lines),
        "seconds": round(sum(line.seconds for line in lines), 1),
    }


def _sum(values: Iterable[float | None]) -> float | None:
    """None, not a smaller sum, where one of them is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return int(total) if total.is_integer() else round(total, 6)


def _training_cost(run: Run) -> dict[str, Any]:
    """What all trainings took, those that were broken off too; of these, processor time up to their last rung."""
    from reward_synth.training.job import RungEnd, read_progress

    results = [result for candidate in run.candidates for result in run.results(candidate.id)]
    results += [result for c in run.candidates for result in run.store.read_final_results(c.id).values()]
    steps = [result.steps for result in results]
    seconds = [result.cpu_seconds for result in results]
    for candidate in run.candidates:
        for index in range(run.settings.seeds):
            folder = run.store.train_dir(candidate.id, index)
            if run.store.read_result(candidate.id, index) is None and (begun := read_progress(folder).step):
                paused = RungEnd.read(folder)
                steps.append(begun)
                seconds.append(paused.cpu_seconds if paused else 0.0)
    return {"trainings": len(steps), "steps": sum(steps), "cpu_hours": round(sum(seconds) / 3600, 4)}


def _shown(value: Any) -> str:
    return "unknown" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)
