"""Crafter: steps per CPU-second, and what hand-written rewards learn.

    python benchmarks/crafter_speed.py --steps                      # random actions, upstream and ours, resets included
    python benchmarks/crafter_speed.py --train collect_wood         # one training with the preset `explore`
    python benchmarks/crafter_speed.py --train attack_cow --environment-steps 200000 --seed 1

Each appends to benchmarks/results/crafter.tsv. A training is a worker as a search starts it, in its lock; its CPU
time counts all its processes, judging and evaluations too, but not the worker host, which loads the libraries.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "crafter.tsv"
COLUMNS = (
    "date",
    "what",
    "settings",
    "seed",
    "steps",
    "cpu_s",
    "steps_per_cpu_s",
    "success",
    "fitness",
    "load",
    "reason",
)
LONGEST = 300

_SEEK = """
def compute_reward(state, action, next_state):
    return {
        "found": next_state.@_faced,
        "approach": 0.1 * (state.@_distance - next_state.@_distance),
        "explore": 0.01 * next_state.on_new_cell,
    }
"""

REWARDS = {
    "approach_tree": _SEEK.replace("@", "tree"),
    "approach_cow": _SEEK.replace("@", "cow"),
    "collect_wood": """
def compute_reward(state, action, next_state):
    return {
        "approach": 0.1 * (state.tree_distance - next_state.tree_distance),
        "wood": next_state.wood - state.wood,
    }
""",
    "place_table": """
def compute_reward(state, action, next_state):
    gained = next_state.wood - state.wood
    return {
        "wood": 0.5 * gained if 0.0 < gained and state.wood < 2.0 else 0.0,
        "table": 2.0 if gained <= -2.0 else 0.0,
        "approach": 0.05 * (state.tree_distance - next_state.tree_distance) if state.wood < 2.0 else 0.0,
    }
""",
    "attack_cow": """
def compute_reward(state, action, next_state):
    eaten = 1.0 if next_state.food >= state.food + 1.0 else 0.0
    return {
        "eaten": 3.0 * eaten,
        "hit": 0.2 * state.cow_faced * action[5],
        "approach": 0.1 * (state.cow_distance - next_state.cow_distance) if eaten == 0.0 else 0.0,
        "explore": 0.01 * next_state.on_new_cell,
        "death": -next_state.dead,
    }
""",
    "diamond_kit": """
def compute_reward(state, action, next_state):
    return {
        "mined": 3.0 * (next_state.diamond - state.diamond),
        "approach": 0.1 * (state.diamond_distance - next_state.diamond_distance),
        "explore": 0.02 * next_state.on_new_cell,
        "death": -1.0 * next_state.dead,
    }
""",
}


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", action="store_true")
    parser.add_argument("--train", choices=sorted(REWARDS))
    parser.add_argument("--environment-steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", choices=("sum", "sign"))
    arguments = parser.parse_args()
    rows = step_rows() if arguments.steps else []
    if arguments.train:
        rows.append(training_row(arguments.train, arguments.environment_steps, arguments.seed, arguments.scale))
    with RESULTS.open("a+", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        for row in rows:
            row |= {"date": datetime.date.today().isoformat(), "load": f"{os.getloadavg()[0]:.1f}"}
            writer.writerow(row)
            print(*row.items())


def step_rows() -> list[dict[str, object]]:
    """Random actions in episodes of at most 300 steps; the time of resets counts."""
    import crafter

    from reward_synth.simulators import get_simulator

    upstream = crafter.Env(seed=0)
    arms: list[tuple[str, str, Callable[[int], bool], Callable[[], object], int]] = [
        ("upstream", "", lambda action: bool(upstream.step(action)[2]), upstream.reset, 1_500)
    ]
    for env_id in ("crafter-open-world", "crafter-collect-wood", "crafter-diamond-kit"):
        for worlds in (256, 0):
            env = get_simulator("crafter").make(env_id, {"worlds": worlds}, LONGEST)
            arms.append(
                (env_id, f"worlds={worlds}", lambda action, env=env: any(env.step(action)[2:4]), env.reset, 20_000)
            )
    return [{"what": name, "settings": settings, **measured(*arm)} for name, settings, *arm in arms]


def measured(step: Callable[[int], bool], reset: Callable[[], object], count: int) -> dict[str, object]:
    """Steps per CPU-second of ``count`` steps."""
    actions = np.random.default_rng(0).integers(17, size=count).tolist()
    started, length = time.process_time(), 0
    reset()
    for action in actions:
        length += 1
        if step(action) or length == LONGEST:
            reset()
            length = 0
    taken = time.process_time() - started
    return {"seed": 0, "steps": count, "cpu_s": f"{taken:.1f}", "steps_per_cpu_s": round(count / taken)}


def training_row(name: str, steps: int | None, seed: int, scale: str | None) -> dict[str, object]:
    """One training on the hand-written reward."""
    from reward_synth.api.rewards import train_reward

    with tempfile.TemporaryDirectory() as folder:
        source, task = REWARDS[name], f"crafter/{name}"
        result, _ = train_reward(source, task, steps=steps, seed=seed, scale=scale, out=folder)  # type: ignore[arg-type]
    return {
        "what": task,
        "settings": f"explore scale={scale or 'sum'}",
        "seed": seed,
        "steps": result.steps,
        "cpu_s": f"{result.cpu_seconds:.1f}",
        "steps_per_cpu_s": round(result.steps / result.cpu_seconds),
        "success": f"{result.success:.2f}",
        "fitness": "" if result.fitness is None else f"{result.fitness:.3f}",
        "reason": result.reason,
    }


if __name__ == "__main__":
    main()
