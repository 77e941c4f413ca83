"""What it costs to read the state once: ``python benchmarks/state_view.py [--json]``.

For each environment, microseconds per row of all fields, of the essential ones and of six of them, beside the
microseconds of one step of the bare environment in the same run. Medians over repetitions; appended to
``results/state_view.tsv``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from reward_synth.simulators.gym.adapter import GymMujoco  # noqa: E402
from reward_synth.state.view import viewer  # noqa: E402

SIX = {
    "HalfCheetah-v5": (
        "x_position", "x_velocity", "torso_height", "torso_pitch", "back_thigh_angle", "front_foot_contact",
    ),
    "Hopper-v5": ("x_position", "x_velocity", "torso_height", "torso_pitch", "foot_height", "foot_contact"),
    "Ant-v5": (
        "x_velocity", "y_velocity", "torso_height", "up_alignment", "front_left_foot_height", "joint_velocities",
    ),
}  # fmt: skip
REPETITIONS, CALLS = 41, 500
TARGET = 15.0
"""Microseconds that a step may spend on reading about eight fields."""


def microseconds(call: Callable[[], Any], calls: int) -> float:
    """Median over repetitions of the mean time of ``calls`` calls."""
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(times)


def measure(env_id: str) -> list[dict[str, Any]]:
    """One record for all fields, one for the essential ones and one for six."""
    simulator = GymMujoco()
    env = simulator.make(env_id, {}, 1_000_000)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(20):
        env.step(env.action_space.sample())
    table = simulator.fields(env)
    records = []
    for label, subset in (("all", table), ("essential", table.essential()), ("six", table.subset(SIX[env_id]))):
        read, view = subset.reader(env), viewer(subset.layout())
        row = read()
        records.append(
            {
                "environment": env_id,
                "fields": label,
                "count": len(subset),
                "columns": subset.width(),
                "read_us": round(microseconds(read, CALLS), 2),
                "view_us": round(microseconds(lambda view=view, row=row: view(row), CALLS), 2),
            }
        )
    bare = env.unwrapped
    action = env.action_space.sample()
    step = round(microseconds(lambda: bare.step(action), 20), 1)
    return [{**record, "step_us": step} for record in records]


def main() -> None:
    """Measure, append to the results and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = parser.parse_args().json
    records = [record for env_id in SIX for record in measure(env_id)]
    path = HERE / "results" / "state_view.tsv"
    path.parent.mkdir(exist_ok=True)
    today = datetime.date.today().isoformat()
    with path.open("a", encoding="utf-8") as file:
        if path.stat().st_size == 0:
            file.write("\t".join(["date", *records[0]]) + "\n")
        for record in records:
            file.write("\t".join([today, *map(str, record.values())]) + "\n")
    if as_json:
        print(json.dumps({"target_us": TARGET, "records": records}, indent=2))
        return
    for record in records:
        print("  ".join(f"{name}={value}" for name, value in record.items()))


if __name__ == "__main__":
    main()
