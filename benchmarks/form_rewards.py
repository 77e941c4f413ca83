"""The reward that follows from a small model's form beside those that the model writes itself, on the same measure.

    python benchmarks/form_rewards.py NAME=RUN_DIR … [--env FILE:NAME …]      # minutes a training
    python benchmarks/form_rewards.py --analyse                              # from the kept table alone

Each reward of a search's first iteration trains alone, for all of its steps, with the run's task and preset, and ends
early if it solves the task. The preset was chosen on the first of them, which is the form's. Kept rows are not done
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
from reward_synth.simulators.custom.files import name_environment

TABLE = Path(__file__).parent / "results" / "form_rewards.tsv"
COLUMNS = (
    "goal",
    "written_by",
    "candidate",
    "seed",
    "steps",
    "cpu_s",
    "episodes",
    "success",
    "fitness",
    "policy",
    "solved",
)


def train(goal: str, run: Run, seeds: int) -> None:
    """Train each reward of the run's first iteration, if it is not in the table yet."""
    done = {(row["goal"], row["candidate"], int(row["seed"])) for row in read(TABLE)}
    form = run.store.form_reward()
    executor = LocalExecutor(1)
    for candidate in (each for each in run.candidates if each.iteration == 1 and each.valid):
        written_by = "form" if run.store.read_reward(candidate.id) == form else "model"
        for seed in range(FIRST, FIRST + seeds):
            if (goal, candidate.id, seed) not in done:
                with tempfile.TemporaryDirectory() as folder:
                    figures = trained(run, run.task, candidate.id, seed, Path(folder), executor)
                add(TABLE, COLUMNS, (goal, written_by, candidate.id, seed, *figures))
    executor.close()


def analyse() -> None:
    """Print, for each goal and author, how many trainings solved it, and how well all did."""
    groups = defaultdict(list)
    for row in read(TABLE):
        groups[row["goal"], row["written_by"]].append(row)
    for (goal, written_by), rows in groups.items():
        solved = sum(int(row["solved"]) for row in rows)
        fitness = max(float(row["fitness"]) for row in rows)
        print(told(f"{goal}, written by the {written_by}: solved", solved, len(rows)), f"best fitness {fitness:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN_DIR")
    parser.add_argument("--env", action="append", default=[], metavar="FILE:NAME", help="an environment in a file")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--analyse", action="store_true", help="train nothing")
    chosen = parser.parse_args()
    for text in chosen.env:
        name_environment(text)
    for text in [] if chosen.analyse else chosen.runs:
        goal, _, folder = text.partition("=")
        train(goal, Run.open(folder), chosen.seeds)
    analyse()


if __name__ == "__main__":
    main()
