"""The table of `returns_per_cpu_second.py`: its file, what it says in numbers, and its curves as pictures."""

from __future__ import annotations

import csv
import math
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

from native_rewards import BODIES

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "returns_per_cpu_second.tsv"
PLOTS = HERE.parent / "docs" / "measurements"
COLUMNS = ("date", "environment", "arm", "seed", "cpu_s", "steps", "return")
Row = dict[str, Any]


def keep(rows: list[Row]) -> None:
    """Write a curve in the place of the last one of the same environment, arm and seed."""
    new = {(row["environment"], row["arm"], str(row["seed"])) for row in rows}
    old = [row for row in read() if (row["environment"], row["arm"], row["seed"]) not in new]
    lines = [COLUMNS, *([row[column] for column in COLUMNS] for row in [*old, *rows])]
    RESULTS.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")


def read() -> list[Row]:
    """All rows of the table, as text."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


Curve = list[tuple[float, float]]
"""Processor seconds and mean return."""


def curves(rows: list[Row], env_id: str, arm: str) -> list[Curve]:
    """One for each seed."""
    by_seed: dict[str, Curve] = {}
    for row in rows:
        if row["environment"] == env_id and row["arm"] == arm:
            by_seed.setdefault(str(row["seed"]), []).append((float(row["cpu_s"]), float(row["return"])))
    return list(by_seed.values())


class Arrival(NamedTuple):
    """When an arm reached a target."""

    seconds: float
    """Median over the seeds of the first evaluation that reaches it, infinite where half or more do not."""
    until: float
    """Median over the seeds of the last evaluation."""
    seeds: str


def arrival(found: list[Curve], target: float) -> Arrival:
    firsts = [min((at for at, value in curve if value >= target), default=math.inf) for curve in found]
    arrived = sum(first < math.inf for first in firsts)
    until = statistics.median(curve[-1][0] for curve in found)
    return Arrival(statistics.median(firsts), until, f"{arrived} of {len(found)} seeds arrived")


def summary(rows: list[Row], arms: list[str]) -> str:
    """Seconds of each arm to each environment's target, and the ratio of ours to the best of the others."""
    lines = []
    for env_id, body in BODIES.items():
        arrivals = {arm: arrival(found, body.target) for arm in arms if (found := curves(rows, env_id, arm))}
        for arm, when in arrivals.items():
            took = f"{when.seconds:.0f}" if when.seconds < math.inf else f"> {when.until:.0f}"
            lines.append(f"{env_id} to {body.target:.0f}  {arm:<10}{took:>6} CPU-s, {when.seeds}")
        mine = arrivals.pop("ours", None)
        if mine is not None and arrivals:
            lines.append(f"{env_id} to {body.target:.0f}  ours / best peer: {ratio(mine, list(arrivals.values()))}")
    return "\n".join(lines)


def ratio(mine: Arrival, peers: list[Arrival]) -> str:
    """Our seconds over those of the fastest of the others; a bound where only one side arrived."""
    best = min(peer.seconds for peer in peers)
    if mine.seconds < math.inf and best < math.inf:
        return f"{mine.seconds / best:.2f}"
    if mine.seconds < math.inf:
        return f"< {mine.seconds / min(peer.until for peer in peers):.2f}"
    return f"> {mine.until / best:.2f}" if best < math.inf else "none arrived"


def draw(rows: list[Row], env_id: str, arms: list[str]) -> None:
    """Median and range over the seeds, for each arm, as an SVG."""
    import matplotlib
    import numpy as np
    from matplotlib.figure import Figure

    from reward_synth.report.plots import COLOURS

    figure = Figure(figsize=(6.4, 3.2))
    figure.subplots_adjust(left=0.12, right=0.8, bottom=0.16, top=0.92)
    axes = figure.add_subplot()
    for arm, colour in zip(arms, COLOURS, strict=False):
        if found := curves(rows, env_id, arm):
            # Seeds are evaluated at slightly different times, so each curve is read between its points.
            begin, end = max(curve[0][0] for curve in found), min(curve[-1][0] for curve in found)
            at = np.geomspace(begin, end, 200)
            values = np.stack([np.interp(at, *np.transpose(curve)) for curve in found])
            axes.fill_between(at, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
            axes.plot(at, np.median(values, axis=0), color=colour, label=arm)
    axes.axhline(BODIES[env_id].target, color="#999999", linewidth=0.8, linestyle="--")
    axes.set(title=env_id, xlabel="processor seconds", ylabel="return", xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    path = PLOTS / f"returns_{env_id.partition('-')[0].lower()}.svg"
    # With a fixed salt and no date, the same numbers give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "reward-synth", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
    print(path, file=sys.stderr)
