"""What running rewards on whole batches saves, against calling them for each transition.

    python benchmarks/vector_ablation.py --on CHECKOUT                # writes benchmarks/results/vector_ablation.tsv
    python benchmarks/vector_ablation.py --on CHECKOUT --part calls   # or training, presets, episodes, start

CHECKOUT is one that has `reward_synth/reward/vector`, which was deleted for what this table says.

Two arms, one after the other in every repeat: `on` is the reward process of the checkout, `off` the same with
`LEAST_ROWS` so large that no batch is run at once. All figures are processor time, of this process and of the reward
process together; `saved` is 1 - on / off with a 95 % interval (Student's t over the repeats' ratios).

- `calls`: one reward on recorded transitions, per transition. `same` tells whether both arms gave the same bits.
- `training`: HalfCheetah with PPO, per step, from a quarter of the training to its end; rows `of it, the reward` are
  what the calls take, in both processes, as a share of the whole of `off`: work that both arms share cannot blur it.
- `presets`: the same for a reward of each task with the task's own preset.
- `episodes`: the terms of a task's reference episodes, as the screen asks for them, with the process's start.
- `start`: a reward process that starts and ends.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from recorded import RecordedReward, recorded_reward, recorded_rewards
from scipy import stats

from reward_synth.core.types import CheckReport
from reward_synth.executors.base import worker_environment
from reward_synth.sandbox import channel
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.terms import episode_terms
from reward_synth.tasks.spec import load_task
from reward_synth.training.presets import PPOPreset, get_preset

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "vector_ablation.tsv"
ENVIRONMENTS = (16, 64, 1024)
ARMS = ("on", "off")
REWARDS_PER_TASK = 2
TRANSITIONS = 30_000
"""Per arm and repeat; a batch of 1,024 is one of 30."""
WARM_UP = 20
"""Batches before the clock starts: both forms run on the first 16."""
HALF_CHEETAH = "half_cheetah_run_forward/strong-001-a"


@contextmanager
def program(arm: str, checkout: Path) -> Iterator[None]:
    """Start reward processes with the checkout's program, or with one that never runs a batch at once."""
    before = channel.PROGRAM
    with tempfile.TemporaryDirectory() as name:
        package = checkout / "reward_synth"
        if arm == "off":
            package = Path(name) / "reward_synth"
            for part in ("reward", "sandbox", "state", "core"):
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(checkout / "reward_synth" / part, package / part, ignore=ignored)
            checked = package / "reward" / "vector" / "checked.py"
            text = checked.read_text(encoding="utf-8")
            checked.write_text(text.replace("LEAST_ROWS = 4", f"LEAST_ROWS = {10**9}"), encoding="utf-8")
        channel.PROGRAM = package / "sandbox" / "child.py"
        try:
            yield
        finally:
            channel.PROGRAM = before


class Sample:
    """A recorded reward and what it is run on."""

    def __init__(self, checker: RewardChecker, reward: RecordedReward) -> None:
        self.checker, self.name = checker, f"{reward.short_task}/{reward.name}"
        self.source = reward.source
        self.report: CheckReport = checker.check(self.source)
        shown = checker.table.for_rewards()
        self.subset = shown.subset(self.report.fields)
        self.action_size = len(shown.actions)

    @property
    def task(self) -> Any:
        """Its task."""
        return self.checker.task

    def process(self, kind: type[RewardProcess] = RewardProcess) -> RewardProcess:
        """A reward process that knows the terms, as in a training."""
        return kind(self.source, self.subset.layout(), self.action_size, terms=self.report.terms)


def samples(tasks: list[str] | None, count: int) -> Iterator[Sample]:
    """Recorded rewards that lint and probe accept, evenly taken from each task's."""
    for task in sorted({reward.task for reward in recorded_rewards()}):
        if tasks and task.partition("/")[2] not in tasks:
            continue
        checker, rewards = RewardChecker.of(load_task(task)), recorded_rewards(task)
        chosen = [rewards[k * len(rewards) // count] for k in range(count)]
        yield from (sample for reward in chosen if (sample := Sample(checker, reward)).report.ok)


def used_by(pid: int) -> float:
    """Seconds of processor time that a running process took."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def children() -> float:
    """Seconds of processor time that processes took which this one waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def call(sample: Sample, environments: int) -> tuple[float, np.ndarray[Any, Any]]:
    """Microseconds per transition in batches of so many, and the terms of the last batch."""
    transitions = sample.checker.reference_episodes.transitions(sample.subset.names)
    generator = np.random.default_rng(0)
    rows = generator.integers(len(transitions), size=(16, environments))
    batches = [(transitions.states[r], transitions.actions[r], transitions.next_states[r]) for r in rows]
    starts = np.zeros(environments, dtype=bool)
    rounds = max(30, TRANSITIONS // environments)
    with sample.process() as process:
        for k in range(WARM_UP):
            process.evaluate(*batches[k % 16], starts)
        before = time.process_time() + used_by(process.pid)
        for k in range(rounds):
            terms = process.evaluate(*batches[k % 16], starts).terms
        spent = time.process_time() + used_by(process.pid) - before
    return 1e6 * spent / (rounds * environments), terms


class Watched(RewardProcess):
    """Notes at each call the transitions up to it, all processor time, and that of the calls."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.points: list[tuple[int, float, float]] = []
        self.parent = 0.0
        super().__init__(*arguments, **options)

    def evaluate(self, *arguments: Any) -> Any:
        """As the base, with a note."""
        steps = self.points[-1][0] if self.points else 0
        child = used_by(self.pid)
        self.points.append((steps + len(arguments[0]), time.process_time() + child, self.parent + child))
        before = time.thread_time()
        batch = super().evaluate(*arguments)
        self.parent += time.thread_time() - before
        return batch


def train(sample: Sample, environments: int | None, steps: int) -> tuple[float, float]:
    """Microseconds per step of a training, and of the reward's calls in it.

    :param environments: None: the number of the task's preset.
    """
    from reward_synth.evaluation.scoring import measured_table, scoring_process
    from reward_synth.training.job import TrainJob
    from reward_synth.training.loop.learning import learn

    task = sample.task
    preset = get_preset(task.training.learner, task.training.preset)
    if environments is not None:
        assert isinstance(preset, PPOPreset)
        rollout = max(4, preset.n_steps * preset.environments // environments)
        preset = preset.model_copy(update={"environments": environments, "n_steps": rollout})
    measured = measured_table(task, sample.checker.table)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "reward.py").write_text(sample.source, encoding="utf-8")
        job = TrainJob(
            task=task, reward=folder / "reward.py", fields=sample.report.fields, terms=sample.report.terms,
            preset=preset, steps=steps, seed=0, folder=folder, trajectories=folder, stop_when_solved=False,
        )  # fmt: skip
        with scoring_process(task, measured.layout()) as verdict, sample.process(Watched) as process:
            learn(job, sample.subset, measured, process, verdict)
    assert isinstance(process, Watched)
    first, last = process.points[len(process.points) // 4], process.points[-1]
    count = last[0] - first[0]
    return 1e6 * (last[1] - first[1]) / count, 1e6 * (last[2] - first[2]) / count


def in_turn(repeats: int, checkout: Path, measure: Callable[[str], Any]) -> list[dict[str, Any]]:
    """What both arms gave in each repeat; which is first changes."""
    found = []
    for repeat in range(repeats):
        found.append({})
        for arm in ARMS if repeat % 2 == 0 else ARMS[::-1]:
            with program(arm, checkout):
                found[-1][arm] = measure(arm)
    return found


def saving(pairs: list[dict[str, float]], whole: float | None = None) -> dict[str, Any]:
    """Medians of both arms and the share that is saved, with its interval.

    :param whole: what the share is of; None: of the arm `off`.
    """
    saved = [(pair["off"] - pair["on"]) / (whole or pair["off"]) for pair in pairs]
    mean, half = statistics.fmean(saved), 0.0
    if len(saved) > 1:
        half = float(stats.t.ppf(0.975, len(saved) - 1)) * statistics.stdev(saved) / math.sqrt(len(saved))
    return {
        **{arm: round(statistics.median(pair[arm] for pair in pairs), 2) for arm in ARMS},
        "saved": round(mean, 3),
        "interval": f"{mean - half:.3f} to {mean + half:.3f}",
    }


def calls(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The part `calls`."""
    for sample in samples(arguments.task, arguments.rewards):
        for environments in ENVIRONMENTS:
            found = in_turn(arguments.repeats, arguments.on, lambda arm: call(sample, environments))  # noqa: B023
            figures = saving([{arm: pair[arm][0] for arm in ARMS} for pair in found])
            same = all(np.array_equal(pair["on"][1], pair["off"][1]) for pair in found)
            yield {"what": sample.name, "environments": environments, "unit": "us/transition", **figures, "same": same}


def trainings(
    name: str, environments: int | None, steps: int, arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Rows of trainings with both arms, all in one process of their own with one thread."""
    command = [sys.executable, __file__, "--reward", name, "--steps", str(steps), "--on", str(arguments.on)]
    command += ["--repeats", str(arguments.repeats)]
    command += [] if environments is None else ["--environments", str(environments)]
    # Importing a simulator may have closed the folder of the script to its children.
    environment = {k: v for k, v in (os.environ | worker_environment()).items() if k != "PYTHONSAFEPATH"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    if ran.returncode:
        print(ran.stderr[-2000:], file=sys.stderr)
        return
    found = json.loads(ran.stdout.splitlines()[-1])
    whole = [{arm: pair[arm][0] for arm in ARMS} for pair in found]
    calls = [{arm: pair[arm][1] for arm in ARMS} for pair in found]
    row = {"what": name, "environments": environments or "", "unit": "us/step"}
    yield {**row, **saving(whole)}
    off = statistics.median(pair["off"] for pair in whole)
    yield {**row, "what": f"{name}: of it, the reward", **saving(calls, off)}


def training(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The part `training`."""
    for environments in ENVIRONMENTS:
        yield from trainings(HALF_CHEETAH, environments, arguments.steps or 80_000, arguments)


def presets(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The part `presets`."""
    for sample in samples(arguments.task, 1):
        preset = get_preset(sample.task.training.learner, sample.task.training.preset)
        steps = 12_000 if preset.learner == "ppo" else 6_000
        for row in trainings(sample.name, None, arguments.steps or steps, arguments):
            yield {**row, "environments": preset.environments}


def episodes(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The part `episodes`."""
    for sample in samples(arguments.task, 1):
        recorded = sample.checker.reference_episodes.episodes

        def measure(arm: str, sample: Sample = sample, recorded: Any = recorded) -> float:
            before = time.process_time() + children()
            episode_terms(sample.source, sample.report, recorded)
            return 1e3 * (time.process_time() + children() - before)

        figures = saving(in_turn(arguments.repeats, arguments.on, measure))
        what = f"{sample.name} ({sum(episode.length for episode in recorded)} steps)"
        yield {"what": what, "environments": len(recorded), "unit": "ms", **figures}


def start(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The part `start`."""
    source = "def compute_reward(state, action, next_state):\n    return {'x': next_state.x}\n"

    def measure(arm: str) -> float:
        before = time.process_time() + children()
        for _ in range(10):
            RewardProcess(source, (("x", ()),), 1, terms=("x",)).close()
        return 1e2 * (time.process_time() + children() - before)

    yield {"what": "", "environments": "", "unit": "ms", **saving(in_turn(5, arguments.on, measure))}


PARTS = {"start": start, "calls": calls, "training": training, "presets": presets, "episodes": episodes}


def keep(rows: list[dict[str, Any]], part: str) -> None:
    """Write the rows in the place of the part's earlier ones."""
    columns = ("date", "part", "what", "environments", "unit", "on", "off", "saved", "interval", "same", "load")
    earlier: list[dict[str, Any]] = []
    if RESULTS.exists():
        with RESULTS.open(newline="", encoding="utf-8") as file:
            earlier = [row for row in csv.DictReader(file, delimiter="\t") if row["part"] != part]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*earlier, *rows])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=sorted(PARTS), help="this part alone")
    parser.add_argument("--on", type=Path, required=True, help="checkout of the arm `on`")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rewards", type=int, default=REWARDS_PER_TASK, help="of each task")
    parser.add_argument("--task", action="append", help="these tasks alone")
    parser.add_argument("--steps", type=int, help="of a training")
    parser.add_argument("--reward", help="trainings on this reward, as a process of its own")
    parser.add_argument("--environments", type=int)
    arguments = parser.parse_args()
    arguments.on = arguments.on.resolve()
    if arguments.reward:
        reward = recorded_reward(*arguments.reward.split("/"))
        sample = Sample(RewardChecker.of(load_task(reward.task)), reward)
        count, steps = arguments.environments, arguments.steps
        print(json.dumps(in_turn(arguments.repeats, arguments.on, lambda arm: train(sample, count, steps))))
        return
    for part in [arguments.part] if arguments.part else list(PARTS):
        rows = []
        for row in PARTS[part](arguments):
            about = {"date": datetime.date.today().isoformat(), "load": round(os.getloadavg()[0], 1), "part": part}
            rows.append({**about, **row})
            print("\t".join(str(value) for value in rows[-1].values()), flush=True)
        keep(rows, part)


if __name__ == "__main__":
    main()
