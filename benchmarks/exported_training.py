"""Does a file of `export --train` train as well as reward-synth does? Success and fitness of both, seed by seed.

    python benchmarks/exported_training.py                                    # the tasks and rewards below, three seeds
    python benchmarks/exported_training.py --task hopper_hop_forward --seeds 1 --quick --json

Trains recorded rewards to the end of the task's budget, once in a worker as a search does, and once by the exported
file, which imports stable-baselines3 and not this package. Both judge the policy by the task's measure in episodes from
the same starts. Appends a row per training to results/exported_training.tsv.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from presets import run_worker
from recorded import recorded_reward

from reward_synth.api.exported import recipe_of
from reward_synth.core.types import CheckReport
from reward_synth.evaluation.play import FINAL_EVALUATION_SEEDS, fields_of
from reward_synth.export.standalone import export
from reward_synth.simulators import open_environment
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import preset_for

RESULTS = Path(__file__).parent / "results" / "exported_training.tsv"
REWARDS = {
    "inverted_pendulum_balance": "strong-001-c",
    "half_cheetah_run_forward": "strong-001-c",
    "hopper_hop_forward": "strong-001-d",
    "reacher_reach": "strong-001-c",
}


def by_worker(task: TaskSpec, source: str, steps: int, seed: int) -> tuple[float, float | None, float]:
    """Success, fitness and processor seconds of this package's training."""
    with tempfile.TemporaryDirectory() as name:
        result = run_worker(Path(name), task, source, preset_for(task), steps, seed, FINAL_EVALUATION_SEEDS)
    return result.success, result.fitness, result.cpu_seconds


def by_file(task: TaskSpec, source: str, steps: int, seed: int) -> tuple[float, float | None, float]:
    """The same of the exported file."""
    with tempfile.TemporaryDirectory() as name, closing(open_environment(task)) as environment:
        table = fields_of(task, environment)
        job = TrainJob.of(task, Path(name), CheckReport(), Path(name), seed=seed)
        named, recipe = task.environment, recipe_of(job, table, environment)
        fields = table.for_rewards()
        text = export(source, named.id, named.arguments, task.horizon, fields, task.goal, task.training.scale, recipe)
        file = Path(name) / "exported.py"
        file.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("exported", file)
        assert spec is not None and spec.loader is not None
        module = sys.modules["exported"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    started = time.process_time()
    _, _, success, fitness = module.train(steps, seed)
    return success, fitness, time.process_time() - started


def row(task: TaskSpec, arm: str, steps: int, seed: int) -> dict[str, Any]:
    """One training's row."""
    reward = REWARDS[task.short_name]
    source = recorded_reward(task.name, reward).source
    success, fitness, seconds = (by_file if arm == "exported" else by_worker)(task, source, steps, seed)
    return {
        "date": datetime.date.today().isoformat(),
        "task": task.short_name,
        "reward": reward,
        "arm": arm,
        "seed": seed,
        "steps": steps,
        "success": round(success, 4),
        "fitness": None if fitness is None else round(fitness, 5),
        "cpu_s": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=REWARDS, action="append", help="may be repeated; all if not given")
    parser.add_argument("--arm", choices=("reward-synth", "exported"), action="append", help="both if not given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    parser.add_argument("--json", action="store_true", help="print rows as JSON, write nothing")
    arguments = parser.parse_args()
    for name in arguments.task or REWARDS:
        task = load_task(name)
        steps = task.training.steps // (10 if arguments.quick else 1)
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            for arm in arguments.arm or ("reward-synth", "exported"):
                found = row(task, arm, steps, seed)
                print(json.dumps(found) if arguments.json else "\t".join(map(str, found.values())), flush=True)
                if not (arguments.quick or arguments.json):
                    fresh = not RESULTS.exists()
                    with RESULTS.open("a", encoding="utf-8") as file:
                        file.write("\t".join(found) + "\n" if fresh else "")
                        file.write("\t".join(map(str, found.values())) + "\n")


if __name__ == "__main__":
    main()
