"""Do weights that are fitted on labelled episodes, without a model call, make a reward better?

    python benchmarks/fitted_weights.py             # 3 tasks x 2 recorded rewards x 3 seeds, parent and child
    python benchmarks/fitted_weights.py --no-train  # only what the fit does to the ranks

The child is the parent's code with each term multiplied by a number from 1/5 to 5. The numbers are those that minimise
a pairwise logistic loss: of two reference episodes, the one with the higher fitness should be paid more per step.
Parent and child train on the same seeds with the task's preset, for the same steps. A row of
`results/fitted_weights.tsv` is one training.
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from recorded import recorded_reward
from scipy.optimize import minimize

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import TrainResult
from reward_synth.executors.local import LocalExecutor
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.ranks import rank_correlation
from reward_synth.screening.terms import episode_terms
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob

TABLE = Path(__file__).parent / "results" / "fitted_weights.tsv"
COLUMNS = ("task", "reward", "arm", "seed", "steps", "success", "fitness", "rank", "weights")
REWARDS = {
    "half_cheetah_run_forward": ("embedded-final-001-b", "strong-001-b"),
    "reacher_reach": ("strong-001-d", "embedded-001-a"),
    "swimmer_swim_forward": ("embedded-final-001-d", "embedded-001-a"),
}
"""Those of each task whose ranks the fit changes most: the choice favours the fit."""
SEEDS = (1, 2, 3)
STEPS = 75_000
MOST = 5.0
RIDGE = 1e-3


def fitted(means: FloatArray, fitness: FloatArray) -> FloatArray:
    """Weights (K,) from 1/MOST to MOST of terms whose means per step over N episodes are (N, K).

    The loss is divided by the reward's own spread, so that no weight grows for the scale's sake.
    """
    better, worse = np.nonzero(fitness[:, None] - fitness[None, :] > 1e-9)

    def loss(logs: FloatArray) -> float:
        paid = means @ np.exp(logs)
        margins = (paid[better] - paid[worse]) / (paid.std() + 1e-12)
        return float(np.logaddexp(0.0, -margins).mean() + RIDGE * np.square(logs).sum())

    bounds = [(-np.log(MOST), np.log(MOST))] * means.shape[1]
    found = minimize(loss, np.zeros(means.shape[1]), bounds=bounds, method="L-BFGS-B")
    weights: FloatArray = np.exp(found.x)
    return weights


def weighted(source: str, weights: dict[str, float]) -> str:
    """The reward with each term of the dict that it returns multiplied; ValueError if it returns something else."""

    class Weigh(ast.NodeTransformer):
        found = False

        def visit_Return(self, node: ast.Return) -> ast.Return:
            if isinstance(node.value, ast.Dict):
                self.found = True
                for number, key in enumerate(node.value.keys):
                    weight = weights[ast.literal_eval(key)] if key is not None else 1.0
                    value = node.value.values[number]
                    node.value.values[number] = ast.BinOp(ast.Constant(round(weight, 4)), ast.Mult(), value)
            return node

    tree, weigh = ast.parse(source), Weigh()
    tree = ast.fix_missing_locations(weigh.visit(tree))
    if not weigh.found:
        raise ValueError("its terms are not a dict in a return")
    return ast.unparse(tree) + "\n"


@dataclass(frozen=True)
class Training:
    """One training that is wanted."""

    task: str
    name: str
    source: str
    seed: int
    steps: int


def trained(wanted: Sequence[Training]) -> Iterator[tuple[Training, TrainResult]]:
    """Train one after the other, to the last step."""
    checkers: dict[str, RewardChecker] = {}
    for each in wanted:
        task = load_task(each.task)
        checker = checkers.setdefault(each.task, RewardChecker.of(task))
        report = checker.check(each.source)
        assert report.ok, (each.name, [finding.as_text() for finding in report.findings])
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "reward.py").write_text(each.source, encoding="utf-8")
            (folder / "train").mkdir()
            job = TrainJob.of(
                task, folder / "reward.py", report, folder / "train",
                seed=each.seed, steps=each.steps, stop_when_solved=False,
            )  # fmt: skip
            results: list[TrainResult] = []
            LocalExecutor(1).run([job], lambda *_: None, lambda _, each: results.append(each), lambda: False)  # noqa: B023
        yield each, results[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-train", action="store_true", help="only the fit")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, nargs="*", default=SEEDS, help="only these; other rows stay")
    arguments = parser.parse_args()
    wanted: list[tuple[Training, dict[str, object]]] = []
    for task, names in REWARDS.items():
        checker = RewardChecker.of(load_task(task))
        fitness = np.array([score.fitness for score in checker.reference_episodes.scores])
        for name in names:
            source = recorded_reward(task, name).source
            report = checker.check(source)
            episodes = checker.reference_episodes.episodes
            means = np.stack([values.mean(axis=0) for values in episode_terms(source, report, episodes)])
            found = fitted(means, fitness)
            ranks = [rank_correlation(means @ weights, fitness) for weights in (np.ones(len(found)), found)]
            weights = dict(zip(report.terms, found.round(4).tolist(), strict=True))
            print(f"{task} {name}: rank {ranks[0]:+.2f} -> {ranks[1]:+.2f}, {weights}", file=sys.stderr, flush=True)
            for seed in arguments.seed:
                for arm, text, rank in zip(
                    ("parent", "child"), (source, weighted(source, weights)), ranks, strict=True
                ):
                    row = {"task": task, "reward": name, "arm": arm, "rank": f"{rank:.2f}", "weights": weights}
                    wanted.append((Training(task, f"{name} {arm}", text, seed, arguments.steps), row))
    if arguments.no_train:
        return
    rows: list[dict[str, object]] = []
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            kept = csv.DictReader(file, delimiter="\t")
            rows += [dict(row) for row in kept if int(row["seed"]) not in arguments.seed]
    wanted.sort(key=lambda each: each[0].seed)  # What is cut off has whole pairs.
    for (training, result), (_, row) in zip(trained([each for each, _ in wanted]), wanted, strict=True):
        figures = {"seed": training.seed, "steps": result.steps, "success": result.success}
        rows.append(row | figures | {"fitness": f"{result.fitness:.4g}" if result.fitness is not None else ""})
        print(training.task, training.name, training.seed, result.success, result.fitness, file=sys.stderr, flush=True)
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
