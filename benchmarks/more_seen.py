"""What policies gain that see more than the environment shows: the time, the start, and fields that it leaves out.

    python benchmarks/more_seen.py NAME=RUN_DIR … --arms "" clock "clock start.FIELD"   # minutes a training
    python benchmarks/more_seen.py --analyse                                          # from the kept table alone

Each reward of a run trains with the run's task and preset, once for each arm and seed, and ends early if it solves the
task. An arm names what is added to the observation. Nothing else differs between the arms, and kept rows are not done
again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

from planner_cost import told
from seeds import FIRST, trained
from tables import add, read

from reward_synth import Run
from reward_synth.executors.local import LocalExecutor
from reward_synth.tasks.spec import with_observes

TABLE = Path(__file__).parent / "results" / "more_seen.tsv"
COLUMNS = (
    "goal", "candidate", "observes", "seed", "steps", "cpu_s", "episodes", "success", "fitness", "policy", "solved"
)  # fmt: skip


def train(goal: str, run: Run, arms: list[str], seeds: int, only: list[str]) -> None:
    """Train each reward of the run in each arm, if it is not in the table yet."""
    done = {(row["goal"], row["candidate"], row["observes"], int(row["seed"])) for row in read(TABLE)}
    # A reward that trained again, or went on, is in the run twice.
    sources = {run.store.reward_path(each.id).read_bytes(): each.id for each in reversed(run.candidates) if each.steps}
    executor = LocalExecutor(1)
    for seed in range(FIRST, FIRST + seeds):
        for name in sorted(set(sources.values()) & set(only or sources.values())):
            for arm in arms:
                if (goal, name, arm, seed) in done:
                    continue
                task = with_observes(run.task, arm.split())
                with tempfile.TemporaryDirectory() as folder:
                    figures = trained(run, task, name, seed, Path(folder), executor)
                add(TABLE, COLUMNS, (goal, name, arm, seed, *figures))
    executor.close()


def analyse() -> None:
    """Print, for each goal and arm, how many trainings solved it, and how well all did."""
    groups = defaultdict(list)
    for row in read(TABLE):
        groups[row["goal"], row["observes"]].append(row)
    for (goal, arm), rows in groups.items():
        solved = sum(int(row["solved"]) for row in rows)
        success = sum(float(row["success"]) for row in rows) / len(rows)
        seconds = sum(float(row["cpu_s"]) for row in rows)
        print(told(f"{goal}, shown {arm or 'nothing more'}: solved", solved, len(rows)))
        print(f"    mean success {success:.0%}; {seconds / max(solved, 1):.0f} CPU-s for each that is solved")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN_DIR")
    parser.add_argument("--arms", nargs="*", default=["", "clock"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], metavar="CANDIDATE")
    parser.add_argument("--analyse", action="store_true", help="train nothing")
    chosen = parser.parse_args()
    for text in [] if chosen.analyse else chosen.runs:
        goal, _, folder = text.partition("=")
        train(goal, Run.open(folder), chosen.arms, chosen.seeds, chosen.only)
    analyse()


if __name__ == "__main__":
    main()
