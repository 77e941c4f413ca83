"""Is a training faster or slower than in another checkout? Pairs of trainings, one after the other, in turn first.

    python benchmarks/paired_speed.py --before ../before              # 10 pairs of HalfCheetah-v5, 60,000 steps each
    python benchmarks/paired_speed.py --before ../before --env Ant-v5 --pairs 6

`--before` is a checkout with an environment of its own (`make setup`). Each training is the arm `ours` of that
checkout's own `training_speed.py`, where all processes' CPU time counts. A machine's speed drifts by more than what
is to be seen, so only the ratio within a pair counts. The interval is Student's, of the logarithms. Writes
`results/paired_speed.tsv`.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import os
import statistics
import subprocess
from pathlib import Path

from scipy import stats

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "paired_speed.tsv"


def steps_per_cpu_second(checkout: Path, environment: str, steps: int) -> float:
    """Of one training in that checkout."""
    command = [str(checkout / ".venv" / "bin" / "python"), "benchmarks/training_speed.py", "--arm", "ours"]
    asked = [*command, "--env", environment, "--steps", str(steps)]
    ran = subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout.splitlines()[-1])
    return float(found["steps"]) / float(found["cpu"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="the other checkout")
    parser.add_argument("--env", default="HalfCheetah-v5")
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--pairs", type=int, default=10)
    arguments = parser.parse_args()
    checkouts = {"before": arguments.before.resolve(), "after": HERE.parent}
    ratios = []
    for pair in range(arguments.pairs):
        order = list(checkouts) if pair % 2 == 0 else list(checkouts)[::-1]
        speed = {name: steps_per_cpu_second(checkouts[name], arguments.env, arguments.steps) for name in order}
        ratios.append(math.log(speed["after"] / speed["before"]))
        print(f"{speed['before']:.0f} {speed['after']:.0f} {math.exp(ratios[-1]):.3f}", flush=True)
    mean, error = statistics.mean(ratios), statistics.stdev(ratios) / math.sqrt(len(ratios))
    half = float(stats.t.ppf(0.975, len(ratios) - 1)) * error
    row = {
        "date": datetime.date.today().isoformat(),
        "environment": arguments.env,
        "steps": arguments.steps,
        "pairs": len(ratios),
        "before": _commit(checkouts["before"]),
        "after": _commit(checkouts["after"]),
        "ratio": round(math.exp(mean), 3),
        "interval": f"{math.exp(mean - half):.3f} to {math.exp(mean + half):.3f}",
        "median": round(math.exp(statistics.median(ratios)), 3),
        "cores": os.cpu_count(),
    }
    known = list(csv.DictReader(RESULTS.open(encoding="utf-8"), delimiter="\t")) if RESULTS.exists() else []
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*known, row])
    print(row)


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
