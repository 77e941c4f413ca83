"""What predicts how well a reward trains? Trainings, scores and ranks of recorded rewards.

    python benchmarks/predictors.py --train      # hours; what results/predictors_trainings.tsv holds is not done again
    python benchmarks/predictors.py --score      # a quarter of an hour; what results/predictors.tsv holds is kept
    python benchmarks/predictors.py --analyse    # seconds, from results/predictors.tsv alone

Each task trains on a share of its budget, one reward after the other. Each row is written as its training ends, so an
early end loses one training at most. `--second` trains once more on another seed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from predictor_scores import Scorer, bare
from predictors_table import ORACLES, SCORES, TABLE, summary
from predictors_table import fields_of as scored
from recorded import RecordedReward, recorded_rewards
from rungs import _score
from tables import add, read, write

from reward_synth.core.types import TrainResult
from reward_synth.evaluation.play import field_table
from reward_synth.executors.local import LocalExecutor
from reward_synth.reward.lint import lint
from reward_synth.sandbox.channel import protected
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import get_preset

RESULTS = Path(__file__).parent / "results"
TRAININGS = RESULTS / "predictors_trainings.tsv"
RUNGS = ("rungs_trainings", "rungs_trainings_earlier")
"""Trainings of the same rewards to their end, made for `rungs.py`. `beside_native.py` trained the best ones."""
COLUMNS = (
    "task", "simulator", "candidate", "seeds", "fitness", "success", *SCORES, *ORACLES, "found", "rounds", "plan_s",
)  # fmt: skip
TRAINING_COLUMNS = ("task", "simulator", "candidate", "seed", "steps", "cpu_s", "success", "fitness", "status")


class Budget(NamedTuple):
    """How the rewards of one task train."""

    task: str
    share: float
    """Of the task's budget in steps."""


FIRST, SECOND = 1000, 2000
BUDGETS = (
    Budget("half_cheetah_target_speed", 1.0),
    Budget("inverted_pendulum_balance", 0.1),
    Budget("window_close", 0.12),
    Budget("hopper_hop_forward", 0.2),
    Budget("push_cube", 0.2),
    Budget("handle_press", 0.12),
    Budget("attack_cow", 0.15),
    Budget("hopper_hop_backward", 0.2),
    Budget("door_close", 0.12),
    Budget("button_press", 0.12),
    Budget("drawer_close", 0.12),
    Budget("drawer_open", 0.12),
    Budget("hopper_back_flip", 0.25),
    Budget("place_table", 0.3),
    Budget("ant_lie_down", 0.33),
    Budget("half_cheetah_run_forward", 1.0),
    Budget("half_cheetah_run_backward", 1.0),
    Budget("swimmer_swim_forward", 1.0),
    Budget("reacher_reach", 1.0),
)
"""In the order in which they train: cheap ones first, and last those of which `rungs.py` has trainings."""


def fields_of(task: str) -> list[RecordedReward]:
    """The rewards of a task that the checks let train, and that differ in more than comments; of equals the first."""
    found: dict[str, RecordedReward] = {}
    for reward in recorded_rewards(task):
        if reward.verdicts is not None and reward.verdicts.ok:
            found.setdefault(bare(reward.source), reward)
    return list(found.values())


def train(budget: Budget, seed: int) -> None:
    """Train what is not in the table yet, one reward at a time, and add a row for each as it ends."""
    task = load_task(budget.task)
    done = {(row["task"], row["candidate"], row["seed"]) for row in read(TRAININGS)}
    wanted = [r for r in fields_of(budget.task) if (task.short_name, r.name, str(seed)) not in done]

    def ended(job: TrainJob, result: TrainResult) -> None:
        success, fitness = _score(result)
        add(
            TRAININGS,
            TRAINING_COLUMNS,
            (task.short_name, task.simulator, job.folder.name, seed, result.steps, round(result.cpu_seconds, 1),
             round(success, 4), round(fitness, 5), result.status),
        )  # fmt: skip

    train_rewards(task, {reward.name: reward.source for reward in wanted}, budget.share, seed, ended)


def train_rewards(
    task: TaskSpec,
    sources: Mapping[str, str],
    share: float,
    seed: int,
    ended: Callable[[TrainJob, TrainResult], None],
    points: int = 1,
) -> None:
    """Train rewards by their names, one at a time, on a share of the task's budget.

    :param ended: is called as each training ends; the job's folder, which bears the name, is deleted later.
    :param points: evaluations during a training.
    """
    shown = field_table(task).for_rewards()
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for name, source in sources.items():
            found = lint(source, shown.layout(), action_size=len(shown.actions))
            place = Path(folder) / name
            (place / "trajectories").mkdir(parents=True)
            (place / "reward.py").write_text(source, encoding="utf-8")
            jobs.append(
                TrainJob(
                    task=task, reward=place / "reward.py", fields=found.fields, terms=found.terms,
                    preset=get_preset(task.training.learner, task.training.preset),
                    steps=round(task.training.steps * share), seed=seed, folder=place,
                    trajectories=place / "trajectories", stop_when_solved=False, evaluation_points=points,
                )
            )  # fmt: skip
        executor = LocalExecutor(1)
        executor.run(jobs, lambda *_: None, ended, lambda: False)
        executor.close()


def score(task_name: str) -> None:
    """Score what was trained and is not in the table yet, and write the table anew after each reward."""
    task = load_task(task_name)
    known = {(row["task"], row["candidate"]) for row in read(TABLE)}
    trained = {name for (task_trained, name) in trainings() if task_trained == task.short_name}
    wanted = [r for r in fields_of(task_name) if r.name in trained and (task.short_name, r.name) not in known]
    scorer = Scorer(task) if wanted else None
    for reward in wanted:
        assert scorer is not None
        found = scorer.scores(reward)
        about = {"task": task.short_name, "simulator": task.simulator, "candidate": reward.name}
        told = {name: f"{value:.5g}" if isinstance(value, float) else value for name, value in found.items()}
        row = {name: "" if value is None else str(value) for name, value in (about | told).items()}
        write_scores([*read(TABLE), row])
        print(about, told, file=sys.stderr, flush=True)


def write_scores(rows: list[dict[str, str]]) -> None:
    """The table, with all trainings that are known."""
    trained = trainings()
    told = []
    for row in rows:
        those = trained.get((row["task"], row["candidate"]), [])
        seeds, fitness, success = (" ".join(each[place] for each in those) for place in range(3))
        told.append(row | {"seeds": seeds, "fitness": fitness, "success": success})
    write(TABLE, COLUMNS, told)


def trainings() -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    """Seed, fitness and success of each training, by task and reward."""
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for row in read(TRAININGS):
        if row["fitness"]:
            found.setdefault((row["task"], row["candidate"]), []).append((row["seed"], row["fitness"], row["success"]))
    for row in read(RESULTS / "beside_native.tsv"):
        if row["arm"] == "best":
            key = row["task"].partition("/")[2], f"strong-{row['reward']}"
            found.setdefault(key, []).append((f"beside_native_{row['seed']}", row["fitness"], row["success"]))
    for name in RUNGS:
        for row in read(RESULTS / f"{name}.tsv"):
            if row["arm"] == "full":
                key = row["task"], row["candidate"]
                found.setdefault(key, []).append((name, row["fitness"], row["success"]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="train what is not in the table yet")
    parser.add_argument("--score", action="store_true", help="score what is not in the table yet")
    parser.add_argument("--analyse", action="store_true", help="print the tables; trains and scores nothing")
    parser.add_argument("--task", nargs="*", help="only these")
    parser.add_argument("--second", action="store_true", help="train on the second seed")
    arguments = parser.parse_args()
    for budget in BUDGETS:
        if arguments.train and (not arguments.task or budget.task in arguments.task):
            train(budget, SECOND if arguments.second else FIRST)
    if arguments.score:
        with protected(False):
            for task in arguments.task or [budget.task for budget in BUDGETS]:
                score(task)
        write_scores(read(TABLE))
    if arguments.analyse:
        print(summary(scored()), end="")


if __name__ == "__main__":
    main()
