"""How often the intervals of a final training hold the truth: ``python benchmarks/intervals.py [--quick] [--json]``.

Simulated evaluations whose true mean is known: policies differ between seeds, episodes within a policy. For 5, 10 and
20 seeds of 20 episodes, the share of 95 % intervals that hold the true mean, and beside it that of Wilson's interval
over all episodes pooled, which takes the episodes of one policy for independent.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reward_synth.evaluation.select import wilson_interval
from reward_synth.evaluation.statistics import mean_interval

EPISODES = 20
Draw = Callable[[np.random.Generator, int], np.ndarray]


def success_of(rates: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Episodes of policies with these rates of success, one row each."""
    return (generator.random((len(rates), EPISODES)) < rates[:, None]).astype(float)


WORLDS: dict[str, tuple[float, Draw]] = {
    "success, rates from Beta(2, 1)": (2 / 3, lambda g, n: success_of(g.beta(2, 1, n), g)),
    "success, one seed in five fails (5 %, else 95 %)": (
        0.77,
        lambda g, n: success_of(np.where(g.random(n) < 0.8, 0.95, 0.05), g),
    ),
    "fitness, normal between and within seeds": (
        0.0,
        lambda g, n: g.normal(size=(n, 1)) + g.normal(size=(n, EPISODES)),
    ),
}


def measure(world: str, seeds: int, repetitions: int) -> dict[str, object]:
    """Coverage over simulated evaluations; those without an interval are left out and counted."""
    truth, draw = WORLDS[world]
    generator = np.random.default_rng(seeds)
    held, pooled, found = 0, 0, 0
    for _ in range(repetitions):
        figures = draw(generator, seeds)
        interval = mean_interval(figures)
        if interval is not None:
            found += 1
            held += interval[0] <= truth <= interval[1]
        if world.startswith("success"):
            low, high = wilson_interval(int(figures.sum()), figures.size)
            pooled += low <= truth <= high
    return {
        "world": world,
        "seeds": seeds,
        "held": round(held / found, 3),
        "pooled": round(pooled / repetitions, 3) if world.startswith("success") else None,
        "without": repetitions - found,
        "of": repetitions,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 evaluations each instead of 1000")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    repetitions = 100 if arguments.quick else 1000
    records = []
    for world in WORLDS:
        for seeds in (5, 10, 20):
            records.append(measure(world, seeds, repetitions))
            if not arguments.json:
                print("  ".join(f"{name}={value}" for name, value in records[-1].items()), flush=True)
    if arguments.json:
        print(json.dumps(records, indent=2))


if __name__ == "__main__":
    main()
