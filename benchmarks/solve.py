"""One search per goal with one model: how much of its code is valid, how many tasks it solves, what it costs.

    python benchmarks/solve.py --model local --out benchmarks/results/embedded_model.tsv
    python benchmarks/solve.py --model replay:FILE --goals strong --out benchmarks/results/strong_model.tsv

Each goal is one call of the command line, as a person would type it: no task name, no hint. Every search stays in the
table, failed ones included. A search that has finished in ``--runs-dir`` is not repeated.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from reward_synth import Run

EMBEDDED_GOALS = (
    "make the half-cheetah run forward",
    "make the half-cheetah run backwards",
    "make the swimmer swim forward",
    "balance the inverted pendulum",
    "make the hopper hop forward",
    "make the reacher reach the target",
)
STRONG_GOALS = (
    *EMBEDDED_GOALS,
    "make the hopper hop backwards",
    "make the half-cheetah run at 2 m/s",
)
WORLD_GOALS = (
    "Open a drawer by its handle.",
    "Close a drawer by its handle.",
    "Push and close a sliding window by its handle.",
    "Press a button in y coordination.",
    "Close a door with a revolving joint by pushing door's handle.",
    "Press a handle down.",
    "make the hopper do a back flip",
    "control the ant to lie down",
    "place a table",
    "attack a cow",
    "explore for a diamond and avoid lava",
    "push the cube to the goal",
)
GOALS = {"embedded": EMBEDDED_GOALS, "strong": STRONG_GOALS, "worlds": WORLD_GOALS}


@dataclass(frozen=True)
class Row:
    """One search."""

    date: str
    model: str
    goal: str
    task: str
    solved: bool
    success: float
    fitness: float | None
    best: str
    iterations: int
    candidates: int
    valid_first: int
    """Candidates whose first answer passed lint and probe."""
    valid_final: int
    """Candidates that passed after at most three repairs."""
    trainings: int
    environment_steps: int
    training_cpu_seconds: float
    model_calls: int
    completion_tokens: int
    model_seconds: float
    wall_seconds: float
    usd: float | None


def search(goal: str, arguments: argparse.Namespace, runs_dir: Path) -> Row:
    """Run one search in its own folder and read the figures from it."""
    folder = runs_dir / goal.replace(" ", "-").replace("/", "-")
    started = time.monotonic()
    finished = [path.parent for path in folder.glob("*/run.json")]
    if not finished:
        command = [sys.executable, "-m", "reward_synth", "run", goal, "--yes", "--display", "plain"]
        command += ["--model", arguments.model, "--runs-dir", str(folder), "--seed", str(arguments.seed)]
        command += ["--iterations", str(arguments.iterations), "--samples", str(arguments.samples)]
        with (runs_dir / f"{folder.name}.log").open("wb") as log:
            subprocess.run(command + arguments.extra, stdout=log, stderr=log, check=False)
        finished = [path.parent for path in folder.glob("*/run.json")]
    return row_of(Run.open(finished[0]), goal, arguments.model, time.monotonic() - started)


def row_of(run: Run, goal: str, model: str, wall: float) -> Row:
    """The figures of a finished run."""
    candidates = run.candidates
    results = [result for candidate in candidates for result in run.results(candidate.id)]
    calls = run.costs
    prices = [call.usd for call in calls]
    best = run.best
    return Row(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        model=model,
        goal=goal,
        task=run.task.name,
        solved=run.status == "solved",
        success=(best.success or 0.0) if best else 0.0,
        fitness=best.fitness if best else None,
        best=best.id if best else "",
        iterations=max((candidate.iteration for candidate in candidates), default=0),
        candidates=len(candidates),
        valid_first=sum(candidate.valid_at_first for candidate in candidates),
        valid_final=sum(candidate.valid for candidate in candidates),
        trainings=len(results),
        environment_steps=sum(result.steps for result in results),
        training_cpu_seconds=round(sum(result.cpu_seconds for result in results), 1),
        model_calls=len(calls),
        completion_tokens=sum(call.completion_tokens or 0 for call in calls),
        model_seconds=round(sum(call.seconds for call in calls), 1),
        wall_seconds=round(run.seconds or wall, 1),
        usd=None if None in prices else sum(price for price in prices if price is not None),
    )


def write_table(rows: list[Row], path: Path) -> None:
    """All rows as a TSV, rewritten after each search."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def main() -> None:
    """Run the searches one after the other: each uses every core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="local")
    parser.add_argument("--goals", choices=sorted(GOALS), default="embedded")
    parser.add_argument("--only", help="run only goals that contain this text")
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--out", type=Path, help="TSV to write")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("extra", nargs="*", help="further options for reward-synth run, after --")
    arguments = parser.parse_args()
    arguments.runs_dir.mkdir(parents=True, exist_ok=True)
    rows = []
    for goal in GOALS[arguments.goals]:
        if arguments.only and arguments.only not in goal:
            continue
        rows.append(search(goal, arguments, arguments.runs_dir))
        if arguments.out:
            write_table(rows, arguments.out)
        print(f"{goal}: {'solved' if rows[-1].solved else 'not solved'}", file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
