"""How much does the seed of a training decide? A run's rewards, each trained with several seeds.

    python benchmarks/seeds.py NAME=RUN_DIR … --seeds 4     # minutes a training; kept rows are not done again
    python benchmarks/seeds.py --analyse                    # from the kept table alone

Each reward of the first iteration trains in full with the run's task and preset, and ends early if it solves the task.
From the table follows what a search gains that trains a reward again that sometimes led to the goal: how often does
another seed of it solve the task, beside another reward of the same iteration?
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

from planner_cost import told
from tables import add, read

from reward_synth import Run
from reward_synth.core.types import TrainResult
from reward_synth.evaluation.select import MOST_EPISODES, solves
from reward_synth.executors.local import LocalExecutor
from reward_synth.methods.synth import SOMETIMES
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob

TABLE = Path(__file__).parent / "results" / "seeds.tsv"
COLUMNS = ("goal", "candidate", "seed", "steps", "cpu_s", "episodes", "success", "fitness", "policy", "solved")
FIRST = 7_000
"""No search uses seeds as small as these."""


def train(goal: str, run: Run, seeds: int) -> None:
    """Train each reward of the run's first iteration that is not in the table yet."""
    done = {(row["goal"], row["candidate"], int(row["seed"])) for row in read(TABLE)}
    rewards = [each.id for each in run.candidates if each.iteration == 1 and each.status != "rejected"]
    executor = LocalExecutor(1)
    for seed in range(FIRST, FIRST + seeds):
        for name in rewards:
            if (goal, name, seed) not in done:
                with tempfile.TemporaryDirectory() as folder:
                    figures = trained(run, run.task, name, seed, Path(folder), executor)
                    add(TABLE, COLUMNS, (goal, name, seed, *figures))
    executor.close()


def trained(
    run: Run, task: TaskSpec, name: str, seed: int, folder: Path, executor: LocalExecutor
) -> tuple[object, ...]:
    """Train a run's reward in full on a task and judge it: the columns from `steps` on."""
    (folder / "reward.py").write_bytes(run.store.reward_path(name).read_bytes())
    report = run.store.read_check(name)
    assert report is not None
    many = task.evaluation.model_copy(update={"episodes": MOST_EPISODES})
    job = TrainJob.of(task.model_copy(update={"evaluation": many}), folder / "reward.py", report, folder, seed=seed)
    found: list[TrainResult] = []
    executor.run([job], lambda *_: None, lambda _, result: found.append(result), lambda: False)
    (result,) = found
    if not result.steps:
        raise SystemExit(f"error: {name} did not train: {result.reason}")  # which is no figure of the reward
    count = len(result.episodes)
    solved = count > 0 and solves(round(result.success * count), count, task.success_threshold)
    figures = round(result.success, 4), round(result.fitness or 0.0, 5), result.policy, int(solved)
    return result.steps, round(result.cpu_seconds, 1), count, *figures


def chances(rows: list[dict[str, str]]) -> Iterator[tuple[str, int, int]]:
    """What is tried after a training that sometimes succeeded and did not solve the task; how often it solves it.

    Each pair of trainings of a goal counts once in each order.
    """
    goals = defaultdict(list)
    for row in rows:
        goals[row["goal"]].append(row)
    counts = {"another seed of it": [0, 0], "another reward": [0, 0]}
    for trainings in goals.values():
        for first, then in permutations(trainings, 2):
            if float(first["success"]) >= SOMETIMES and first["solved"] == "0":
                kind = "another seed of it" if first["candidate"] == then["candidate"] else "another reward"
                counts[kind][0] += int(then["solved"])
                counts[kind][1] += 1
    yield from ((kind, solved, tried) for kind, (solved, tried) in counts.items())


def analyse() -> None:
    """Print each training, and the chances."""
    rows = read(TABLE)
    for row in rows:
        name = f"{row['goal']:18} {row['candidate']} {row['seed']}"
        print(f"{name}: {float(row['success']):4.0%} after {row['steps']} steps")
    for kind, solved, tried in chances(rows):
        print(told(f"solved by {kind}, pairs of trainings, which are not independent", solved, tried))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN_DIR")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--analyse", action="store_true", help="train nothing")
    chosen = parser.parse_args()
    for text in [] if chosen.analyse else chosen.runs:
        goal, _, folder = text.partition("=")
        train(goal, Run.open(folder), chosen.seeds)
    analyse()


if __name__ == "__main__":
    main()
