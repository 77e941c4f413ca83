"""What a search's best reward is worth beside the environment's own reward and the sparse one: success on fresh seeds.

    python benchmarks/beside_native.py --jobs 2                   # 3 seeds of each, into results/beside_native.tsv
    python benchmarks/beside_native.py --only window --quick --json

Every arm is trained from scratch with the task's preset for the same steps on the same seeds, none of which the search
has used, and none ends early. Success and fitness are the task's own, over the task's evaluation episodes, with seeds
that the search has not seen either. A training that has a row already is not repeated.

Arms:
- `best`: the search's best reward (results/worlds.tsv; the code is in `data/`), in its contained process.
- `native`: the environment's own dense reward, where it has one for the behaviour (MetaWorld, ManiSkill, dm_control).
- `sparse`: 1 at each step at which the task counts as done, else 0.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from presets import run_worker
from recorded import recorded_reward

from reward_synth.core.arrays import FloatArray
from reward_synth.executors.base import worker_environment
from reward_synth.sandbox.process import RewardBatch
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "beside_native.tsv"
SEARCHES = HERE / "results" / "worlds.tsv"
SEEDS = 3
ARMS = ("best", "native", "sparse")
FIRST_SEED = 2**31
"""No search trains with seeds from here on."""
Columns = dict[str, FloatArray]
"""The recorded fields of one step of all environments, each of shape (environments, ...)."""
Pay = Callable[[Columns, Columns, FloatArray], FloatArray]
"""Before, after, and which environments begin an episode; to rewards of shape (environments,)."""


def succeeds(before: Columns, after: Columns, starts: FloatArray) -> FloatArray:
    """Upstream's own success of the state, where it tells one."""
    return after["task_success"]


def achieves(name: str) -> Pay:
    """Crafter's achievement, paid once, when it is made."""
    return lambda before, after, starts: after[f"achieved_{name}"] - before[f"achieved_{name}"]


def lies(before: Columns, after: Columns, starts: FloatArray) -> FloatArray:
    """The ant lies as the task's success wants it from one and a half seconds on."""
    slow = np.linalg.norm(after["torso_velocity"], axis=1) < 0.05
    lying: FloatArray = ((after["torso_height"] < 0.4) & (after["up_alignment"] > 0.9) & slow).astype(float)
    return lying


class Flipped:
    """The hopper stands high after a whole turn backwards during which nothing but the foot has touched the ground."""

    def __init__(self) -> None:
        self._first: FloatArray = np.zeros(0)
        self._clean: FloatArray = np.zeros(0)

    def __call__(self, before: Columns, after: Columns, starts: FloatArray) -> FloatArray:
        if len(self._first) != len(starts):
            self._first, self._clean = np.zeros(len(starts)), np.ones(len(starts))
        self._first = np.where(starts, before["torso_pitch"], self._first)
        touching = after["torso_contact"] + after["thigh_contact"] + after["leg_contact"] > 0.5
        self._clean = np.where(starts, 1.0, self._clean) * ~touching
        turned = self._first - after["torso_pitch"] >= 2 * np.pi
        return self._clean * turned * (after["torso_height"] > 0.7)


def metaworld_reward(environment: Any) -> float:
    """Upstream's dense reward of the present state."""
    if environment.curr_path_length == 0:
        return 0.0
    return float(environment.evaluate_state(environment._last_stable_obs, environment._last_action)[0])


def maniskill_reward(environment: Any) -> float:
    """Upstream's dense reward of the present state, which no task of ours computes from the action."""
    upstream = environment.upstream
    return float(upstream.compute_normalized_dense_reward(obs=None, action=None, info=upstream.evaluate()).item())


def suite_reward(environment: Any) -> float:
    """The control suite's reward of the present state."""
    return float(environment.suite_reward())


def pays_well(before: Columns, after: Columns, starts: FloatArray) -> FloatArray:
    """The control suite pays at least four fifths of what it can."""
    return (after["suite_reward"] >= 0.8).astype(float)


def _suite(steps: int) -> Comparison:
    return Comparison(steps, lambda: pays_well, ("suite_reward",), suite_reward)


@dataclass(frozen=True)
class Comparison:
    """What stands beside one search."""

    steps: int
    """Of every training here."""
    sparse: Callable[[], Pay]
    reads: tuple[str, ...] = ("task_success",)
    """Fields that the sparse reward reads."""
    native: Callable[[Any], float] | None = None


def _achievement(name: str, steps: int) -> Comparison:
    return Comparison(steps, lambda: achieves(name), (f"achieved_{name}",))


COMPARISONS = {
    "metaworld/drawer_open": Comparison(120_000, lambda: succeeds, native=metaworld_reward),
    "metaworld/drawer_close": Comparison(60_000, lambda: succeeds, native=metaworld_reward),
    "metaworld/window_close": Comparison(60_000, lambda: succeeds, native=metaworld_reward),
    "metaworld/button_press": Comparison(60_000, lambda: succeeds, native=metaworld_reward),
    "metaworld/door_close": Comparison(60_000, lambda: succeeds, native=metaworld_reward),
    "metaworld/handle_press": Comparison(60_000, lambda: succeeds, native=metaworld_reward),
    "gym/hopper_back_flip": Comparison(
        250_000,
        Flipped,
        ("torso_pitch", "torso_height", "torso_contact", "thigh_contact", "leg_contact"),
    ),
    "gym/ant_lie_down": Comparison(300_000, lambda: lies, ("torso_velocity", "torso_height", "up_alignment")),
    "crafter/place_table": _achievement("place_table", 100_000),
    "crafter/attack_cow": _achievement("eat_cow", 400_000),
    "crafter/diamond_kit": _achievement("collect_diamond", 1_000_000),
    "dmcontrol/cartpole_swingup": _suite(100_000),
    "dmcontrol/cheetah_run": _suite(300_000),
    "maniskill/push_cube": Comparison(40_000, lambda: succeeds, native=maniskill_reward),
}


class KnownReward:
    """Stands where a training has its reward process, and pays what is no generated code's secret."""

    terms = ("known",)

    def __init__(self, table: FieldTable, pay: Pay) -> None:
        self.layout = table.layout()
        self._places, self._pay = table.columns(), pay

    def evaluate(
        self, states: FloatArray, actions: FloatArray, next_states: FloatArray, starts: FloatArray
    ) -> RewardBatch:
        """As :meth:`reward_synth.sandbox.process.RewardProcess.evaluate`."""
        paid = self._pay(self._columns(states), self._columns(next_states), starts)
        return RewardBatch(paid, paid[:, None])

    def _columns(self, rows: FloatArray) -> Columns:
        shapes = dict(self.layout)
        return {name: rows[:, place].reshape(len(rows), *shapes[name]) for name, place in self._places.items()}


@dataclass(frozen=True)
class Row:
    """One training."""

    date: str
    task: str
    arm: str
    reward: str
    """The search's candidate, for `best`."""
    seed: int
    success: float
    success_any_step: float | None
    """Share of the episodes that succeeded at any step, where upstream counts so."""
    death: float | None
    """Share of the episodes that ended in death, where there is one."""
    death_in_lava: float | None
    fitness: float
    steps: int
    cpu_seconds: float


def train_known(task_name: str, arm: str, index: int, seed: int, steps: int) -> Row:
    """Train on the environment's own or the sparse reward, in this process, and have the task judge the policy."""
    from reward_synth.evaluation.play import FINAL_EVALUATION_SEEDS, field_table, play
    from reward_synth.evaluation.policy import load_policy
    from reward_synth.evaluation.scoring import measured_table, score_with, scoring_process
    from reward_synth.tasks.spec import load_task
    from reward_synth.training.job import TrainJob
    from reward_synth.training.loop.learning import learn
    from reward_synth.training.presets import preset_for
    from reward_synth.training.worker.subprocess_stage import processor_seconds

    task, comparison = load_task(task_name), COMPARISONS[task_name]
    table = field_table(task)
    if arm == "native":
        assert comparison.native is not None
        own = Field(
            "native_reward", (), "1", -np.inf, np.inf, "The environment's own.", comparison.native, judge_only=True
        )
        read = FieldTable([own], table.actions, table.discrete)
    else:
        read = table.subset(comparison.reads)
    pay = _native if arm == "native" else comparison.sparse()
    with tempfile.TemporaryDirectory() as name, scoring_process(task, measured_table(task, table).layout()) as verdict:
        folder = Path(name)
        (folder / "reward.py").write_text("", encoding="utf-8")
        job = TrainJob(
            task=task, reward=folder / "reward.py", fields=read.names, terms=KnownReward.terms,
            preset=preset_for(task), steps=steps, seed=seed, seed_index=index, folder=folder, trajectories=folder,
            stop_when_solved=False,
        )  # fmt: skip
        process: Any = KnownReward(read, pay)
        learn(job, read, measured_table(task, table), process, verdict)
        policy = load_policy(job.policy_path)
    seeds = range(FINAL_EVALUATION_SEEDS, FINAL_EVALUATION_SEEDS + task.evaluation.episodes)
    with scoring_process(task, table.layout()) as verdict:
        episodes = play(task, table, policy, seeds, policy.repeat)
        measured = score_with(verdict, episodes)
    return _row(task_name, arm, "", index, measured, episodes, steps, processor_seconds())


def _native(before: Columns, after: Columns, starts: FloatArray) -> FloatArray:
    return after["native_reward"]


def train_best(task_name: str, index: int, seed: int, steps: int) -> Row:
    """Train on the recorded best reward of the task's search, as `reward-synth eval` does."""
    from reward_synth.evaluation.play import FINAL_EVALUATION_SEEDS
    from reward_synth.state.episode import Episode
    from reward_synth.tasks.spec import load_task
    from reward_synth.training.presets import preset_for

    task, best = load_task(task_name), searched()[task_name]
    source = recorded_reward(task_name, f"strong-{best}").source
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = run_worker(folder, task, source, preset_for(task), steps, seed, FINAL_EVALUATION_SEEDS)
        assert result.status == "trained", result.reason
        episodes = [Episode.load(path) for path in sorted(folder.glob("seed-*-episode-*.npz"))]
    return _row(task_name, "best", best, index, result.episodes, episodes, steps, result.cpu_seconds)


def searched() -> dict[str, str]:
    """The best candidate's id by task, of the last search that the table has of it."""
    with SEARCHES.open(newline="", encoding="utf-8") as file:
        return {row["task"]: row["best"] for row in csv.DictReader(file, delimiter="\t")}


def current(rows: list[Row]) -> list[Row]:
    """Those that are not of an earlier search's best reward."""
    best = searched()
    return [row for row in rows if row.reward in ("", best.get(row.task))]


def _row(
    task: str, arm: str, reward: str, index: int, measured: Any, episodes: Any, steps: int, cpu_seconds: float
) -> Row:
    def share(name: str, over: Callable[[FloatArray], Any]) -> float | None:
        if name not in dict(episodes[0].layout):
            return None
        return float(np.mean([over(episode.field(name)) > 0.5 for episode in episodes]))

    return Row(
        date=datetime.date.today().isoformat(), task=task, arm=arm, reward=reward, seed=index,
        success=float(np.mean([each.success for each in measured])),
        success_any_step=share("task_success", np.max), death=share("dead", lambda dead: dead[-1]),
        death_in_lava=share("dead_in_lava", lambda dead: dead[-1]),
        fitness=round(float(np.mean([each.fitness for each in measured])), 4),
        steps=steps, cpu_seconds=round(cpu_seconds, 1),
    )  # fmt: skip


def train(task: str, arm: str, index: int, steps: int) -> Row:
    """One training in this process."""
    seed = FIRST_SEED + index
    if arm == "best":
        return train_best(task, index, seed, steps)
    return train_known(task, arm, index, seed, steps)


def arms_of(task: str) -> tuple[str, ...]:
    """The arms that there are for a task: without a search there is no best reward."""
    there = {"best": task in searched(), "native": COMPARISONS[task].native is not None, "sparse": True}
    return tuple(arm for arm in ARMS if there[arm])


def wanted(arguments: argparse.Namespace, rows: list[Row]) -> list[tuple[str, str, int]]:
    """Task, arm and seed of the trainings that are to be made."""
    there = {(row.task, row.arm, row.seed) for row in current(rows)}
    return [
        (task, arm, index)
        for task in COMPARISONS
        if not arguments.only or arguments.only in task
        for arm in arms_of(task)
        if arm in arguments.arms
        for index in range(arguments.seeds)
        if (task, arm, index) not in there
    ]


def run_one(arguments: argparse.Namespace, task: str, arm: str, index: int) -> Row:
    """One training in a process of its own, one thread to a library."""
    steps = COMPARISONS[task].steps // (20 if arguments.quick else 1)
    command = [sys.executable, __file__, "--train", task, arm, str(index), str(steps)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | worker_environment())
    row = Row(**json.loads(ran.stdout.splitlines()[-1]))
    print(f"{task} {arm} seed {index}: success {row.success:.0%}, {row.cpu_seconds:.0f} CPU-s", file=sys.stderr)
    return row


def read(path: Path) -> list[Row]:
    """The rows of a table; none if it is not there."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file, delimiter="\t"))
    kinds: dict[str, Callable[[str], Any]] = dict.fromkeys(NUMBERS, float) | {"seed": int, "steps": int}
    rows = []
    for line in found:
        cells: dict[str, Any] = {name: kinds.get(name, str)(text) if text else None for name, text in line.items()}
        rows.append(Row(**cells | {"reward": line["reward"]}))
    return rows


NUMBERS = ("success", "success_any_step", "death", "death_in_lava", "fitness", "cpu_seconds")


def summary(rows: list[Row]) -> str:
    """Mean success of each arm, and that of each seed, by task, as a Markdown table."""
    lines = ["| task | steps | best | native | sparse |", "| --- | --- | --- | --- | --- |"]
    rows = current(rows)
    for task, comparison in COMPARISONS.items():
        cells = [_cell([row for row in rows if (row.task, row.arm) == (task, arm)]) for arm in ARMS]
        if any(cells):
            lines.append(f"| `{task}` | {comparison.steps:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(rows: list[Row]) -> str:
    if not rows:
        return ""
    seeds = ", ".join(f"{100 * row.success:.0f}" for row in rows)
    told = f"{100 * np.mean([row.success for row in rows]):.0f} % ({seeds})"
    deaths = [row.death for row in rows if row.death is not None]
    return f"{told}; died {100 * np.mean(deaths):.0f} %" if deaths else told


def write(rows: list[Row], path: Path) -> None:
    order = list(COMPARISONS)
    rows.sort(key=lambda row: (order.index(row.task), row.arm, row.reward, row.seed))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="only tasks whose name contains this text")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the steps; writes nothing")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--train", nargs=4, metavar=("TASK", "ARM", "SEED", "STEPS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        task, arm, index, steps = arguments.train
        print(json.dumps(asdict(train(task, arm, int(index), int(steps)))))
        return
    passing = arguments.json or arguments.quick
    rows = [] if passing else read(RESULTS)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        asked = [pool.submit(run_one, arguments, *each) for each in wanted(arguments, rows)]
        for done in as_completed(asked):
            # Another one of these may have added rows of other tasks meanwhile.
            rows = [*(rows if passing else read(RESULTS)), done.result()]
            if not passing:
                write(rows, RESULTS)
    print(json.dumps([asdict(row) for row in rows], indent=1) if arguments.json else summary(rows))


if __name__ == "__main__":
    main()
