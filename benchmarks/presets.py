"""One training with a preset changed on the command line: how the shipped presets were found.

    python benchmarks/presets.py hopper_hop_forward strong-001-a --steps 250000 --seed 1 gamma=0.995 n_steps=32
    python benchmarks/presets.py reacher_reach strong-001-a --steps 20000 --quick --json

Trains a recorded reward with the task's preset and the named changes in a worker as a search does, to its end, and
appends a row to results/presets.tsv: processor seconds of everything, fitness and success at the ten evaluations.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from recorded import recorded_reward

from reward_synth.core.types import TrainResult
from reward_synth.executors.local import LocalExecutor
from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import Preset, get_preset

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "presets.tsv"


def run_worker(
    folder: Path,
    task: TaskSpec,
    source: str,
    preset: Preset,
    steps: int,
    seed: int,
    judged_from: int | None = None,
) -> TrainResult:
    """Train a reward to its end in a worker as a search does; its files and episodes stay in the folder.

    :param judged_from: seed of the final evaluation's first episode; None: the search's own.
    """
    report = RewardChecker.of(task).check(source)
    (folder / "reward.py").write_text(source, encoding="utf-8")
    job = TrainJob(
        task=task, reward=folder / "reward.py", fields=report.fields, terms=report.terms, preset=preset, steps=steps,
        seed=seed, folder=folder, trajectories=folder, stop_when_solved=False, evaluation_seeds=judged_from,
    )  # fmt: skip
    results: list[TrainResult] = []
    executor = LocalExecutor(1)
    executor.run([job], lambda *_: None, lambda _, result: results.append(result), lambda: False)
    executor.close()
    (result,) = results
    return result


def train(task_name: str, reward: str, steps: int, seed: int, changes: dict[str, Any]) -> dict[str, Any]:
    """The row of one training."""
    task = load_task(task_name)
    shipped = get_preset(task.training.learner, task.training.preset)
    preset = type(shipped).model_validate(shipped.model_dump() | changes)
    source = recorded_reward(task.name, reward).source
    with tempfile.TemporaryDirectory() as name:
        result = run_worker(Path(name), task, source, preset, steps, seed)
    return {
        "date": datetime.date.today().isoformat(),
        "task": task.short_name,
        "reward": reward,
        "steps": result.steps,
        "seed": seed,
        "changes": " ".join(f"{name}={value}" for name, value in changes.items()),
        "cpu_s": round(result.cpu_seconds, 1),
        "load": round(os.getloadavg()[0], 1),
        "fitness": " ".join(f"{point.fitness:.2f}" for point in result.evaluations),
        "success": " ".join(f"{point.success:.2f}" for point in result.evaluations),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("reward", help="a reward of data/TASK.jsonl: strong-001-a")
    parser.add_argument("changes", nargs="*", metavar="NAME=VALUE", help="of the preset, for example gamma=0.995")
    parser.add_argument("--steps", type=int, help="the task's budget if not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    parser.add_argument("--json", action="store_true", help="print the row as JSON, write nothing")
    arguments = parser.parse_intermixed_args()
    changes = {name: json.loads(value) for name, _, value in (each.partition("=") for each in arguments.changes)}
    steps = arguments.steps or load_task(arguments.task).training.steps
    row = train(arguments.task, arguments.reward, steps // 10 if arguments.quick else steps, arguments.seed, changes)
    print(json.dumps(row, indent=2) if arguments.json else "\t".join(map(str, row.values())))
    if not (arguments.quick or arguments.json):
        if not RESULTS.exists():
            RESULTS.write_text("\t".join(row) + "\n", encoding="utf-8")
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write("\t".join(map(str, row.values())) + "\n")


if __name__ == "__main__":
    main()
