"""What holds of every task spec, tried live: it loads, it steps, its fields read, its success tells good from bad.

    python benchmarks/task_table.py                             # all tasks, into results/task_table.tsv
    python benchmarks/task_table.py --task gym/hopper_back_flip --json
    python benchmarks/task_table.py --quick                     # one episode of each kind; printed, not written

The whole table is written into docs/measurements/task-table.md too. Its columns:
- `loads`: the environment can be made and reset; if not, why, with the line that installs what is missing.
- `steps`: steps of an episode of random actions, of the horizon's; fewer where a fall ends it.
- `fields`: fields that read with their declared shape, finite and within their range at every state of that episode, of
  all; `faulty` names the others.
- `shown`: what stands for a policy that solves the task: the simulator's `expert`; for Gymnasium, which has none, an
  episode of `scripted_episodes.py`, `played` by a script or a `puppet` put along a path; for the two others without an
  expert, a `puppet` too: things are put where the last steps solve the task. `succeeded` of how many.
- `random`: episodes of random actions that succeed, at the end or at any step, of how many.
- `steps_per_cpu_s`: environment steps per processor second with random actions, nothing recorded.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.simulators import get_simulator
from reward_synth.simulators.protocol import Simulator
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec, list_tasks, load_task

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))

from scripted_episodes import SCENES, SCRIPTS, Stage  # noqa: E402  (found by the line above)

RESULTS = HERE / "results" / "task_table.tsv"
PAGE = HERE.parent / "docs" / "measurements" / "task-table.md"
SLACK = 1e-6
"""By how much a value may lie outside of its field's range: single-precision simulators round."""
PAGE_HEAD = """# Every task, tried

This page is made by `python benchmarks/task_table.py`, which makes each cell anew, from
[results/task_table.tsv](../../benchmarks/results/task_table.tsv); the script's `--help` explains the columns.
{conditions}

**fields** read with their declared shape and within their range at every state of a random episode. **solved by** says
what stands for a policy that solves the task, and in how many of its episodes success fires: an *expert* comes with the
simulator; a *played* episode is a script that steps it; a *puppet* is put along a path, or things are put before it: it
shows what the judge takes for success, not that a policy gets there. **random** counts episodes of random actions in
which success fires, at the end or at any step: it should be none, or few where chance does solve the task now and then.

| task | loads | steps | fields | solved by | random | steps per CPU-second |
| --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Effort:
    """How much is tried."""

    shown: int = 4
    """Episodes that should succeed."""
    random: int = 5
    """Episodes of random actions."""
    cpu_seconds: float = 3.0
    """Processor time of the speed measurement."""
    field_steps: int = 1_000
    """Longest episode in which every field is read."""


QUICK = Effort(shown=1, random=1, cpu_seconds=0.5, field_steps=30)


@dataclass
class Row:
    """One task's row; what could not be tried is empty."""

    date: str
    task: str
    environment: str
    loads: str = "yes"
    steps: str = ""
    fields: str = ""
    faulty: str = ""
    shown: str = ""
    succeeded: str = ""
    random: str = ""
    steps_per_cpu_s: str = ""
    conditions: str = ""


def row_of(spec: TaskSpec, effort: Effort) -> Row:
    """Try one task."""
    row = Row(
        datetime.now(UTC).date().isoformat(), spec.name, spec.environment.id, conditions=conditions(spec.simulator)
    )
    try:
        simulator = get_simulator(spec.simulator)
        env = simulator.make(spec.environment.id, dict(spec.environment.arguments), spec.horizon)
    except RewardSynthError as error:
        row.loads = f"no: {error}" + (f" ({error.hint})" if error.hint else "")
        return row
    env.reset(seed=0)
    table = simulator.fields(env)
    good, steps, faulty = try_fields(env, table, min(spec.horizon, effort.field_steps))
    row.steps, row.fields, row.faulty = f"{steps} of {spec.horizon}", f"{good} of {len(table)}", ", ".join(faulty)
    row.steps_per_cpu_s = f"{speed(env, effort.cpu_seconds):.0f}"
    env.close()
    row.shown, row.succeeded = show(spec, simulator, table, effort.shown)
    row.random = chance(spec, simulator, table, effort.random)
    return row


def try_fields(env: Any, table: FieldTable, steps: int) -> tuple[int, int, list[str]]:
    """Fields that read as declared, steps taken, and the names of the other fields, over one random episode."""
    faulty: dict[str, None] = {}
    env.reset(seed=0)
    env.action_space.seed(0)
    read, places = table.reader(env), table.columns()
    taken, over = 0, False
    while True:
        row = read()
        for field in table:
            value = row[places[field.name]]
            # The row has lost the shape: the first and last state are also read field by field.
            whole = np.asarray(field.read(env.unwrapped)) if taken == 0 or over or taken == steps else None
            shaped = whole is None or whole.shape == field.shape
            ranged = (
                np.isfinite(value).all() and (value >= field.low - SLACK).all() and (value <= field.high + SLACK).all()
            )
            if not (shaped and ranged):
                faulty[field.name] = None
        if over or taken == steps:
            return len(table) - len(faulty), taken, list(faulty)
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        taken, over = taken + 1, terminated or truncated


def speed(env: Any, cpu_seconds: float) -> float:
    """Environment steps per processor second, resets included."""
    env.reset(seed=1)
    env.action_space.seed(1)
    steps, started = 0, time.process_time()
    while (spent := time.process_time() - started) < cpu_seconds or steps == 0:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        steps += 1
        if terminated or truncated:
            env.reset()
    return steps / spent


def show(spec: TaskSpec, simulator: Simulator, table: FieldTable, episodes: int) -> tuple[str, str]:
    """What was shown, and how often it succeeded."""
    script = SCRIPTS.get(spec.name)
    if script is not None:
        stage = Stage(spec)
        # A puppet, and a script that starts from one pose, have no chance in them: the same episode counts once.
        distinct = {repr(verdict): verdict for verdict in (script.perform(stage, seed) for seed in range(episodes))}
        stage.close()
        return script.kind, f"{sum(verdict.success for verdict in distinct.values())} of {len(distinct)}"
    if spec.name in SCENES:
        kind, actor, count = "puppet", staged(spec.name), 1
    else:
        kind, actor, count = "expert", partial(expert, simulator=simulator), episodes
    recorded = [played(spec, simulator, table, seed, actor) for seed in range(1, count + 1)]
    verdicts = score_episodes(
        spec, measured_table(spec, table), [episode for episode in recorded if episode is not None]
    )
    return kind, f"{sum(verdict.success for verdict in verdicts)} of {len(verdicts)}"


def chance(spec: TaskSpec, simulator: Simulator, table: FieldTable, episodes: int) -> str:
    """Episodes of random actions that succeed at the end or at any step, of how many."""
    found = [played(spec, simulator, table, 100 + seed, at_random) for seed in range(episodes)]
    verdicts = score_episodes(spec, measured_table(spec, table), [episode for episode in found if episode is not None])
    return f"{sum(verdict.success or verdict.success_any for verdict in verdicts)} of {len(verdicts)}"


Actor = Callable[[StateRecorder, FieldTable], Callable[[], Any] | None]
"""From an environment at its start to what gives the next action, or None once it is done; None if it has none."""


def expert(env: StateRecorder, table: FieldTable, simulator: Simulator) -> Callable[[], Any] | None:
    """The simulator's own, within the actions' bounds."""
    experts = simulator.experts(env)
    if not experts:
        return None
    low = np.array([action.low for action in table.actions])
    high = np.array([action.high for action in table.actions])

    def act() -> Any:
        wanted = experts[0]()
        if wanted is None:
            return None
        scaled = low + (np.clip(wanted, -1.0, 1.0) + 1.0) / 2.0 * (high - low)
        return scaled.astype(env.action_space.dtype).reshape(env.action_space.shape or scaled.shape)

    return act


def at_random(env: StateRecorder, table: FieldTable) -> Callable[[], Any]:
    """Random actions."""
    return lambda: env.action_space.sample()


def staged(name: str) -> Actor:
    """The actions after a scene is set."""

    def actor(env: StateRecorder, table: FieldTable) -> Callable[[], Any]:
        actions = iter(SCENES[name](env.unwrapped, len(table.actions)))
        return lambda: next(actions, None)

    return actor


def played(spec: TaskSpec, simulator: Simulator, table: FieldTable, seed: int, actor: Actor) -> Episode | None:
    """One episode, until the actor is done or it ends; None without an actor or an action."""
    recorded = measured_table(spec, table)
    env = StateRecorder(simulator.make(spec.environment.id, dict(spec.environment.arguments), spec.horizon), recorded)
    _, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    act = actor(env, table)
    rows, actions, terminated, truncated = [info["next_state"]], [], False, False
    while act is not None and not (terminated or truncated):
        action = act()
        if action is None:
            break
        _, _, terminated, truncated, info = env.step(action)
        rows.append(info["next_state"])
        actions.append(np.asarray(action, dtype=np.float64).ravel())
    seconds = simulator.seconds_per_step(env)
    env.close()
    if not actions:
        return None
    return Episode(recorded.layout(), np.stack(rows), np.stack(actions), seconds, spec.horizon, seed, terminated)


PACKAGES = {"dmcontrol": "dm_control", "gym": "gymnasium", "maniskill": "mani_skill"}
"""Simulator → its package, where they bear different names."""


def conditions(simulator: str) -> str:
    """Versions and machine, in one line."""
    found = []
    for package in dict.fromkeys((PACKAGES.get(simulator, simulator), "mujoco", "numpy")):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return (
        f"Python {platform.python_version()}, {', '.join(found)}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def page(rows: list[dict[str, str]]) -> str:
    """The table as docs/measurements/task-table.md shows it."""
    dates = sorted({row["date"] for row in rows})
    loads = [float(row["conditions"].rpartition(" ")[2]) for row in rows]
    machine = ", ".join(rows[0]["conditions"].split(", ")[:-1]) if rows else ""
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    told = f"Made on {when} ({machine}; load {min(loads):.1f} to {max(loads):.1f}, of others too: speeds are rough)."
    lines = []
    for row in rows:
        shown = f"{row['shown']}, {row['succeeded']}" if row["shown"] else row["succeeded"]
        fields = row["fields"] + (f" (not: {row['faulty']})" if row["faulty"] else "")
        speed_told = f"{int(row['steps_per_cpu_s']):,}" if row["steps_per_cpu_s"] else ""
        cells = (f"`{row['task']}`", row["loads"], row["steps"], fields, shown, row["random"], speed_told)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return PAGE_HEAD.format(conditions=told) + "\n".join(lines) + "\n"


def read_results() -> list[dict[str, str]]:
    """The rows of the last whole table."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def write_results(rows: list[Row]) -> None:
    """The table and the page, with the rows of tasks that were not tried this time as they were."""
    known = {row["task"]: row for row in read_results()} if RESULTS.exists() else {}
    known |= {row.task: {name: " ".join(str(value).split()) for name, value in asdict(row).items()} for row in rows}
    shipped = [spec.name for spec in list_tasks()]
    table = [known[name] for name in shipped if name in known]
    lines = ["\t".join(Row.__dataclass_fields__), *("\t".join(row.values()) for row in table)]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    PAGE.write_text(page(table), encoding="utf-8")


def main() -> None:
    """Try the tasks and write or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", action="append", help="only this one; may be given several times")
    parser.add_argument("--quick", action="store_true", help="one short episode of each kind; nothing is written")
    parser.add_argument("--json", action="store_true", help="print JSON, write nothing")
    arguments = parser.parse_args()
    specs = [load_task(name) for name in arguments.task] if arguments.task else list_tasks()
    effort = QUICK if arguments.quick else Effort()
    rows = []
    if not arguments.json:
        print(*Row.__dataclass_fields__, sep="\t")
    for spec in specs:
        rows.append(row_of(spec, effort))
        if not arguments.json:
            print(*asdict(rows[-1]).values(), sep="\t", flush=True)
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif not arguments.quick:
        write_results(rows)


if __name__ == "__main__":
    main()
