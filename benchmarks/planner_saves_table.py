"""What `results/planner_saves.tsv` says: what the planner's arms cost beside the plain one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

TABLE = Path(__file__).parent / "results" / "planner_saves.tsv"
BEST_ORDER = "best order"
ARMS = ("plain", "planner", "planner+order", BEST_ORDER)
COLUMNS = ("task", "seed", "rungs", "answers", "arm", "solved", "iterations", "repairs", "trainings", "steps", "cpu_s",
           "attack_s", "training_s")  # fmt: skip
RATIOS = ("cpu_s", "training_s", "steps", "trainings")
MORE_THAN = 2.0
"""Trainings of a plain search, on average, above which a task is one that could be spared some."""
DRAWS = 10_000
Row = Mapping[str, str]


class Ratio(NamedTuple):
    """What an arm takes, as a share of what the plain one takes: geometric mean over tasks, and a 95 % interval that
    draws tasks again."""

    mean: float
    low: float
    high: float
    tasks: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"


def complete(rows: Sequence[Row]) -> list[Row]:
    """The searches of which every arm is there."""
    arms: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        arms.setdefault(_search(row), set()).add(row["arm"])
    return [row for row in rows if arms[_search(row)] == set(ARMS)]


def _search(row: Row) -> tuple[str, ...]:
    return row["task"], row["seed"], row["rungs"], row["answers"]


def mean(rows: Sequence[Row], arm: str, column: str) -> float:
    """Over an arm's searches."""
    return float(np.mean([float(row[column]) for row in rows if row["arm"] == arm]))


def task_ratio(rows: Sequence[Row], arm: str, column: str) -> float:
    """Of one task's searches in sum."""
    return mean(rows, arm, column) / mean(rows, "plain", column)


def ratio(tasks: Sequence[Sequence[Row]], arm: str, column: str) -> Ratio:
    """Over tasks, each of which counts the same."""
    logs = np.log([task_ratio(rows, arm, column) for rows in tasks])
    drawn = logs[np.random.default_rng(0).integers(len(logs), size=(DRAWS, len(logs)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Ratio(*(float(np.exp(value)) for value in (logs.mean(), low, high)), len(logs))


def by_task(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """In the order of the table."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["task"], []).append(row)
    return found


def summary(rows: Sequence[Row]) -> str:
    """The tables of docs/measurements/planner_saves.md."""
    parts = []
    for rungs in dict.fromkeys(row["rungs"] for row in rows):
        for kind in ("mixed", "written"):
            these = [row for row in complete(rows) if row["rungs"] == rungs and row["answers"].startswith(kind)]
            if these:
                parts.append(f"## Answers {kind}, rungs {rungs}\n")
                parts += [tasks_table(these)] if kind == "mixed" else []
                parts.append(ratios_table(these))
    return "\n".join(parts)


def tasks_table(rows: Sequence[Row]) -> str:
    """A line for each task."""
    heads = ["task", "searches", "solved", "trainings", "CPU-s plain", "of that trainings", "attack", "repairs"]
    heads += [*(f"{arm}: CPU-s, steps" for arm in ARMS[1:]), "CPU-s a solved search"]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for task, these in by_task(rows).items():
        plain = [row for row in these if row["arm"] == "plain"]
        cells = [task, str(len(plain)), each(f"{mean(these, arm, 'solved'):.0%}" for arm in ARMS)]
        cells.append(each(f"{mean(these, arm, 'trainings'):.1f}" for arm in ARMS))
        cells += [f"{mean(these, 'plain', column):.0f}" for column in ("cpu_s", "training_s")]
        cells += [f"{mean(these, 'planner', 'attack_s'):.0f}", f"{mean(these, 'planner', 'repairs'):.2f}"]
        cells += [
            ", ".join(f"{task_ratio(these, arm, column):.2f}" for column in ("cpu_s", "steps")) for arm in ARMS[1:]
        ]
        cells.append(each(a_solved_one(these, arm) for arm in ARMS))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def a_solved_one(rows: Sequence[Row], arm: str) -> str:
    """Processor seconds of all searches for each that was solved; a dash if none was."""
    solved = mean(rows, arm, "solved")
    return f"{mean(rows, arm, 'cpu_s') / solved:.0f}" if solved else "–"


def each(figures: Iterable[str]) -> str:
    """All arms' figures, or the one that they share."""
    shown = list(figures)
    return shown[0] if len(set(shown)) == 1 else ", ".join(shown)


def ratios_table(rows: Sequence[Row]) -> str:
    """The ratios over all tasks, and over those of which a plain search takes more than two trainings, if some do."""
    tasks = list(by_task(rows).values())
    heads = ["tasks", "arm", "processor time", "that of trainings", "steps", "trainings"]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    long = [these for these in tasks if mean(these, "plain", "trainings") > MORE_THAN]
    short = [these for these in tasks if mean(these, "plain", "trainings") <= MORE_THAN]
    groups = (("all", tasks), ("more than two trainings", long), ("two at most", short))
    for name, chosen in groups if long and short else groups[:1]:
        for arm in ARMS[1:]:
            cells = [f"{name} ({len(chosen)})", arm, *(str(ratio(chosen, arm, column)) for column in RATIOS)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
