"""How far a training's result moves with what should not matter, in units of the spread between seeds.

    python benchmarks/determinism.py [--steps 4096] [--seeds 6] [--json]

The same job trains with the same seeds: again; with more threads; with other instructions of the processor, as another
processor would choose them; and with a reward that is scaled, which changes no preference. ``moved`` is the mean
distance between the fitness of the two trainings of a seed, divided by the mean distance between two seeds. 0: the same
to the last bit. 1: it acts like another seed.

The product fixes one thread, and hands the instructions that the command uses to all its processes, so that only
another machine brings the other rows about.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reward_synth.executors.base import worker_environment
from reward_synth.executors.local import WorkerProcess
from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import read_result
from reward_synth.training.worker.fork_server import WorkerHost

RESULTS = Path(__file__).parent / "results" / "determinism.tsv"
_FEATURES = " ".join(np._core._multiarray_umath.__cpu_dispatch__)
VARIANTS: dict[str, dict[str, str]] = {
    "again": {},
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
    "numpy without wide vectors": {"NPY_DISABLE_CPU_FEATURES": _FEATURES},
    "OpenBLAS of an older processor": {"OPENBLAS_CORETYPE": "Nehalem"},
    "torch without AVX": {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
}
REWARD = """
def compute_reward(state, action, next_state):
    return {{
        "upright": {scale} * (1.0 - abs(next_state.pole_angle)),
        "still": {scale} * -0.01 * abs(next_state.cart_velocity),
    }}
"""
SCALES = (2.0, 1.001, 10.0)


def fitness(
    task: TaskSpec, source: str, folder: Path, steps: int, seeds: Sequence[int], variables: dict[str, str]
) -> list[float]:
    """Mean fitness of the final evaluation, for each seed."""
    folder.mkdir(parents=True)
    path = folder / "reward.py"
    path.write_text(source)
    report = RewardChecker.of(task).check(source)
    host, found = WorkerHost(worker_environment() | variables), []
    try:
        for seed in seeds:
            job = TrainJob.of(task, path, report, folder / str(seed), seed=seed, steps=steps, stop_when_solved=False)
            worker = WorkerProcess(job, host)
            while not worker.wait(1.0):
                time.sleep(0.05)
            result = read_result(job.folder)
            assert result is not None and result.status == "trained", (result and result.reason, worker.died())
            found.append(statistics.fmean(episode.fitness for episode in result.episodes))
    finally:
        host.close()
    return found


def distance(pairs: Sequence[tuple[float, float]]) -> float:
    """Mean distance."""
    return statistics.fmean(abs(one - other) for one, other in pairs)


def main() -> int:
    """Train, print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4096)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    task, seeds = load_task("inverted_pendulum_balance"), range(arguments.seeds)
    source = REWARD.format(scale=1.0)
    arms = {name: (source, variables) for name, variables in VARIANTS.items()}
    arms |= {f"reward times {scale:g}": (REWARD.format(scale=scale), {}) for scale in SCALES}
    with tempfile.TemporaryDirectory() as name:
        first = fitness(task, source, Path(name) / "first", arguments.steps, seeds, {})
        spread = distance(list(itertools.combinations(first, 2)))
        rows = []
        for number, (arm, (text, variables)) in enumerate(arms.items()):
            other = fitness(task, text, Path(name) / str(number), arguments.steps, seeds, variables)
            pairs = list(zip(first, other, strict=True))
            same = sum(one == another for one, another in pairs)
            rows.append({"arm": arm, "same": f"{same} of {len(pairs)}", "moved": round(distance(pairs) / spread, 3)})
            print(*rows[-1].values(), sep="\t", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"spread": spread, "fitness": first, "rows": rows}, indent=1))
    lines = ["arm\tsame\tmoved", *("\t".join(map(str, row.values())) for row in rows)]
    RESULTS.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
