"""What the reward process costs per environment step, against calling the function in the same process.

    python benchmarks/reward_process.py          # writes benchmarks/results/reward_process.tsv
    python benchmarks/reward_process.py --json   # prints the rows instead

The figures are those of the best of many calls, so that other work on the machine falls out; `load` tells how much of
that there was, and `reward_process_median_us` what it did.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reward_synth.reward.contract import load_reward
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.view import viewer, width

LAYOUT = (("x_velocity", ()), ("height", ()), ("pitch", ()), ("place", (3,)), ("target", (3,)), ("joints", (6,)))
ACTION_SIZE = 6
REWARD = """\
import numpy as np

def compute_reward(state, action, next_state):
    distance = float(np.linalg.norm(next_state.target - next_state.place))
    return {
        "backward": -next_state.x_velocity,
        "upright": 0.5 - abs(next_state.pitch),
        "reach": -distance,
        "effort": -0.1 * float(np.dot(action, action)),
    }
"""
BATCHES = (1, 8, 16, 64)
CALLS = 3000


def timed(function: Callable[[], object], count: int) -> tuple[float, float]:
    """Microseconds per transition: of the best call, and of the median call."""
    for _ in range(50):
        function()
    spent = np.empty(CALLS)
    for call in range(CALLS):
        begun = time.perf_counter_ns()
        function()
        spent[call] = time.perf_counter_ns() - begun
    return float(spent.min()) / count / 1e3, float(np.median(spent)) / count / 1e3


def measure_batch(process: RewardProcess, count: int) -> dict[str, object]:
    """The row for this number of environments."""
    function, view = load_reward(REWARD), viewer(LAYOUT)
    generator = np.random.default_rng(0)
    states, next_states = generator.normal(size=(2, count, width(LAYOUT)))
    actions, starts = generator.uniform(-1, 1, (count, ACTION_SIZE)), np.zeros(count, dtype=bool)
    before, after = [view(row) for row in states], [view(row) for row in next_states]

    def call() -> None:
        for k in range(count):
            function(before[k], actions[k], after[k])

    def views_and_call() -> None:
        for k in range(count):
            function(view(states[k]), actions[k], view(next_states[k]))

    inside, _ = timed(call, count)
    with_views, _ = timed(views_and_call, count)
    outside, median = timed(lambda: process.evaluate(states, actions, next_states, starts), count)
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "environments": count,
        "in_process_us": round(inside, 2),
        "in_process_with_views_us": round(with_views, 2),
        "reward_process_us": round(outside, 2),
        "reward_process_median_us": round(median, 2),
        "added_us": round(outside - inside, 2),
        "ratio": round(outside / inside, 2),
    }


def measure() -> list[dict[str, object]]:
    """One row per number of environments."""
    terms = ("backward", "upright", "reach", "effort")
    with RewardProcess(REWARD, LAYOUT, ACTION_SIZE, terms=terms) as process:
        return [measure_batch(process, count) for count in BATCHES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print rows as JSON, write nothing")
    arguments = parser.parse_args()
    rows = measure()
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    lines = ["\t".join(rows[0]), *("\t".join(str(value) for value in row.values()) for row in rows)]
    path = Path(__file__).parent / "results" / "reward_process.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
