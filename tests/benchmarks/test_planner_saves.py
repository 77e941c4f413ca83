"""What the searches of ``benchmarks/planner_saves.py`` count, and that the page tells what the table says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks.planner_saves_table import TABLE, ratio, summary
from reward_synth.core.types import CheckReport
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
planner_saves: Any = import_module("planner_saves")
recorded: Any = import_module("planner_saves_recorded")

PAGE = Path(__file__).parents[2] / "docs" / "measurements" / "planner_saves.md"
TO_THE_END = "1"


class Made:
    """A task whose rewards cost 1 s to check, 10 s to attack and 100 s to train, and plan for the fitness in 1000 s.

    :param planned: fitness of what was planned; None for nothing planned to the end.
    :param found: what the attack found.
    """

    seconds, fitness_s, fixed_s = 8.0, 1000.0, 0.0

    def __init__(self, folder: Path, planned: Mapping[str, float | None], solvers: str, found: str = "") -> None:
        self.checked = {
            name: recorded.Checked(1.0, 10.0, int(value is not None), value, "wrong-sign" * (name in found), False)
            for name, value in planned.items()
        }
        self._folder, self._solvers, self._task = folder, solvers, load_task("reacher_reach")
        self.asked: list[tuple[str, int | None, bool]] = []

    def job(self, name: str, seed: int) -> TrainJob:
        place = self._folder / name
        return TrainJob.of(self._task, place / "reward.py", CheckReport(), place, seed=seed)

    def part(self, job: TrainJob) -> Any:
        """Fitness falls in the order of the alphabet."""
        name, share = job.reward.parent.name, job.target / job.steps
        self.asked.append((name, job.until, bool(job.end)))
        paused = job.until is not None and not job.end
        solved = not paused and name in self._solvers and share == 1.0
        return recorded.Part(paused, job.target, 100.0 * share, 0.0, -float(ord(name)), solved, False)


def test_who_was_planned_best_trains_first_and_who_was_not_planned_keeps_its_place(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a": 1.0, "b": None, "c": 3.0, "d": 2.0}, "c")
    assert planner_saves.by_plan(["a", "b", "c", "d"], made.checked) == ["c", "b", "d", "a"]
    trained = {
        arm: "".join(planner_saves.search(made, "abcd", arm, 0, TO_THE_END).trained) for arm in planner_saves.ARMS[:3]
    }
    assert trained == {"plain": "abc", "planner": "abc", "planner+order": "c"}


def test_the_best_order_begins_with_the_one_that_solves_the_task(tmp_path: Path) -> None:
    made = Made(tmp_path, dict.fromkeys("abcd", 1.0), "d")
    assert list(planner_saves.best_order(made, "abcd", 0, TO_THE_END).trained) == ["d"]
    assert len(planner_saves.best_order(made, "abcd", 0, planner_saves.RUNGS[0]).trained) == 4


def test_an_attack_costs_its_time_and_a_finding_brings_the_next_answer(tmp_path: Path) -> None:
    made = Made(tmp_path, dict.fromkeys("abcdef", 1.0), "f", found="b")
    plain, planner = (planner_saves.search(made, "abcdef", arm, 0, TO_THE_END) for arm in ("plain", "planner"))
    assert (plain.attack_s, plain.repairs, plain.iterations, list(plain.trained)) == (0.0, 0, 2, list("abcdef"))
    assert (planner.repairs, planner.check_s, planner.attack_s) == (1, 6.0, 1060.0)
    assert list(planner.trained) == list("aecdf") and planner.solved


def test_without_another_answer_the_same_text_comes_back_and_trains(tmp_path: Path) -> None:
    made = Made(tmp_path, dict.fromkeys("abcd", 1.0), "", found="b")
    found = planner_saves.search(made, "abcd", "planner", 0, TO_THE_END)
    assert (list(found.trained), found.attack_s, found.solved, found.iterations) == (list("abcd"), 1040.0, False, 1)


def test_a_training_ends_at_the_rung_that_ended_it(tmp_path: Path) -> None:
    made = Made(tmp_path, dict.fromkeys("abcd", 1.0), "a")
    found = planner_saves.search(made, "abcd", "plain", 0)
    steps = made.job("a", 0).steps
    assert {name: part.steps / steps for name, part in found.trained.items()} == {
        "a": 1.0,
        "b": 0.3,
        "c": 0.1,
        "d": 0.1,
    }
    # The evaluation of the one that stopped last comes after the training that solved the task, and is not needed.
    first = round(0.1 * steps)
    assert [each for each in made.asked if each[2]] == [("c", first, True), ("d", first, True)]


def rows(cpu: Mapping[str, float], task: str) -> list[dict[str, str]]:
    """A search in each arm."""
    about = {"task": task, "seed": "0", "rungs": "1", "answers": "mixed 0", "solved": "1", "repairs": "0"}
    figures = {"trainings": "3", "steps": "10", "attack_s": "1", "training_s": "5"}
    return [about | figures | {"arm": arm, "cpu_s": str(value)} for arm, value in cpu.items()]


def test_each_task_counts_the_same_in_a_ratio() -> None:
    tasks = [
        rows({"plain": 10.0, "planner": 20.0, "planner+order": 5.0, "best order": 5.0}, "t"),
        rows({"plain": 1000.0, "planner": 500.0, "planner+order": 500.0, "best order": 500.0}, "u"),
    ]
    both = ratio(tasks, "planner", "cpu_s")
    assert (both.mean, both.low, both.high) == pytest.approx((1.0, 0.5, 2.0))
    assert ratio(tasks, "planner+order", "cpu_s").mean == pytest.approx(0.5)
    assert "| t | 1 |" in summary(tasks[0]) and "| t | 1 |" not in summary(tasks[0][:3]), (
        "a search that lacks an arm is left out"
    )


def test_the_page_tells_what_the_table_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [
        line for line in summary(recorded.read(TABLE)).splitlines() if line.startswith("| ") and line not in page
    ]
    assert missing == []
