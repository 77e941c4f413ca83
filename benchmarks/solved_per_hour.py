"""What a solved task costs: sentence in, solved or given up, in processor seconds, for this checkout beside another.

    python benchmarks/solved_per_hour.py --before ../before              # twelve tasks, 3 seeds, both checkouts
    python benchmarks/solved_per_hour.py --before ../before --only hopper --seeds 1

Each search is the command line as a person would type it. Its model is a server on this machine that answers with
recorded rewards: the n-th answer of the designer is the n-th reward of `data/TASK.jsonl`, strong models' first, so that
both checkouts are given the same texts. The critic finds nothing, and the analyzer says one sentence. Processor time is
that of the command and all of its processes (`RUSAGE_CHILDREN`); prompt tokens are counted at four characters each. A
search that solves nothing costs its time and counts as no solved task. The checkouts take turns to be first. Each
search is a row of `results/solved_per_hour.tsv`, and replaces the same search's row of the same commit.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recorded import recorded_rewards
from recorded_model import RecordedModel

from reward_synth.tasks.spec import load_task

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "solved_per_hour.tsv"
GOALS = {
    "half_cheetah_run_forward": "make the half-cheetah run forward",
    "half_cheetah_run_backward": "make the half-cheetah run backwards",
    "hopper_hop_forward": "make the hopper hop forward",
    "hopper_hop_backward": "make the hopper hop backwards",
    "swimmer_swim_forward": "make the swimmer swim forward",
    "reacher_reach": "make the reacher reach the target",
    "ant_lie_down": "control the ant to lie down",
    "window_close": "Push and close a sliding window by its handle.",
    "drawer_open": "Open a drawer by its handle.",
    "door_close": "Close a door with a revolving joint by pushing door's handle.",
    "place_table": "place a table",
    "push_cube": "push the cube to the goal",
}
COLUMNS = ("date", "build", "commit", "task", "seed", "solved", "success", "cpu_s", "training_cpu_s", "wall_s")
COUNTS = ("iterations", "trainings", "steps", "calls", "prompt_tokens")
PASS = '```json\n{"findings": [], "verdict": "pass"}\n```'
ADVICE = '```json\n{"causes": ["not known"], "suggestions": ["try another reward"], "keep": []}\n```'


def recorded_model(task: str) -> RecordedModel:
    """A server whose designer answers with a task's recorded rewards, those of strong models first."""
    known = sorted(recorded_rewards(task), key=lambda reward: (not reward.search.startswith("strong"), reward.name))
    designs = [f"```python\n{reward.source}\n```" for reward in known]
    return RecordedModel({"designer": designs, "critic": [PASS], "analyzer": [ADVICE]})


def search(checkout: Path, build: str, task: str, seed: int, folder: Path, extra: list[str]) -> dict[str, Any]:
    """One search in that checkout: a row of the table."""
    model, goal = recorded_model(task), GOALS.get(task) or load_task(task).goal
    command = [str(checkout / ".venv" / "bin" / "python"), "-m", "reward_synth", "run", goal, "--yes"]
    command += [*model.options, "--runs-dir", str(folder), "--seed", str(seed), "--display", "plain"]
    command += ["--iterations", "2", "--samples", "4", "--final-seeds", "0", *extra]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    keys = os.environ | {"OPENAI_API_KEY": "none", "PYTHONPATH": ""}
    ran = subprocess.run(command, cwd=checkout, env=keys, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    model.close()
    infos = list(folder.glob("*/run.json"))
    if not infos:
        raise SystemExit(f"{build} {task}: {ran.stderr[-2000:]}")
    run = infos[0].parent
    said = json.loads(infos[0].read_text(encoding="utf-8"))
    if said.get("status") != "done":
        raise SystemExit(f"{build} {task}: {said.get('status')}: {ran.stdout[-1000:]}{ran.stderr[-1000:]}")
    trained = [json.loads(path.read_text()) for path in sorted(run.glob("candidates/*/train/seed-*/result.json"))]
    best = said.get("best")
    found = json.loads((run / "candidates" / best / "candidate.json").read_text()) if best else {}
    return {
        "date": datetime.date.today().isoformat(),
        "build": build,
        "commit": _commit(checkout),
        "task": task,
        "seed": seed,
        "solved": int(said.get("outcome") == "solved"),
        "success": found.get("success"),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "training_cpu_s": round(sum(result["cpu_seconds"] for result in trained), 1),
        "wall_s": round(wall, 1),
        "iterations": len(list(run.glob("iterations/[0-9][0-9][0-9].json"))),
        "trainings": len(trained),
        "steps": sum(result["steps"] for result in trained),
        "calls": len((run / "costs.jsonl").read_text().splitlines()),
        "prompt_tokens": model.prompt_characters // 4,
    }


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write(rows: list[dict[str, Any]]) -> None:
    """Add the rows to the table; those of the same search in the same checkout are replaced."""
    known: list[dict[str, Any]] = []
    if RESULTS.exists():
        with RESULTS.open(newline="", encoding="utf-8") as file:
            known = list(csv.DictReader(file, delimiter="\t"))
    keyed = {tuple(str(row[key]) for key in ("build", "commit", "task", "seed")): row for row in [*known, *rows]}
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (*COLUMNS, *COUNTS), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(keyed.values())


def summary(rows: list[dict[str, Any]]) -> str:
    """Per task and over all: solved searches, processor seconds and prompt tokens of each build, and the ratios."""
    lines = ["task\tsolved before\tafter\tCPU-s before\tafter\tratio\ttokens before\tafter\tratio"]
    for task in [*dict.fromkeys(row["task"] for row in rows), "all"]:
        these = [row for row in rows if task in (row["task"], "all")]
        sums = {
            key: [sum(float(row[key]) for row in these if row["build"] == build) for build in ("before", "after")]
            for key in ("solved", "cpu_s", "prompt_tokens")
        }
        told = [f"{before:.0f}\t{after:.0f}" for before, after in sums.values()]
        ratios = [f"\t{after / before:.2f}" if before else "\t" for before, after in sums.values()]
        lines.append(f"{task}\t{told[0]}\t{told[1]}{ratios[1]}\t{told[2]}{ratios[2]}")
    return "\n".join(lines)


def main() -> None:
    """Run the searches one after the other: each uses every core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="another checkout with an environment of its own (`make setup`)")
    parser.add_argument("--only", default="", help="only tasks whose name contains this text")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("extra", nargs="*", help="further options for reward-synth run, after --")
    arguments = parser.parse_args()
    builds = {"after": HERE.parent} | ({"before": arguments.before.resolve()} if arguments.before else {})
    rows = []
    for seed in range(arguments.seeds):
        for number, task in enumerate(task for task in GOALS if arguments.only in task):
            for build in list(builds)[:: 1 if (number + seed) % 2 else -1]:
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(search(builds[build], build, task, seed, Path(folder), arguments.extra))
                print("\t".join(str(value) for value in rows[-1].values()), file=sys.stderr, flush=True)
                write(rows)
    print(summary(rows))


if __name__ == "__main__":
    main()
