"""The rewards of `emergent.py`: models wrote them in earnest, and most of them are not known to succeed."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from defects import Subject
from own_goals import DATA as OWN_GOALS
from predictor_scores import bare
from predictors import trainings
from recorded import AROSE, RecordedReward, recorded_rewards, rewards_of

from reward_synth import Run
from reward_synth.roles.parsing import extract_code
from reward_synth.simulators.custom.files import name_environment
from reward_synth.tasks.spec import TaskSpec, load_task

SUCCEEDS = 0.5
"""A policy that succeeds in this share of its episodes or in more is no failure."""
SHIPPED = (
    "half_cheetah_run_forward", "half_cheetah_target_speed", "swimmer_swim_forward", "hopper_hop_backward",
    "hopper_hop_in_place", "hopper_hop_forward", "ant_lie_down", "walker2d_walk_forward", "hopper_front_flip",
    "hopper_back_flip", "window_close", "door_close", "drawer_open", "button_press", "push_cube", "attack_cow",
)  # fmt: skip
"""Tasks of which recorded rewards are known to fail, or were never trained."""
GOALS = "own_goals"
"""Stands for the simulator in the recorded task of a goal without a spec."""


@dataclass(frozen=True)
class Candidate:
    """A reward that a model wrote, and its task."""

    task: TaskSpec
    goal: str
    """The task's short name, or the goal's name of a task without a spec."""
    name: str
    source: str

    @property
    def key(self) -> tuple[str, str]:
        """Unique in the tables."""
        return self.goal, self.name

    def folder(self, kept: Path) -> Path:
        """Where its training lies."""
        return kept / self.goal / self.name

    @property
    def subject(self) -> Subject:
        """As `defects.py` asks of it."""
        return Subject("arose", self.goal, self.name, "", "", self.source)


def candidates(own: Sequence[str], tasks: Sequence[str]) -> list[Candidate]:
    """The rewards in the order in which they train.

    :param own: goals without a spec, each as `NAME=RUN_DIR`.
    :param tasks: only these; empty for all.
    """
    found: list[Candidate] = []
    for goal, folder in (text.split("=", 1) for text in own):
        if not tasks or goal in tasks:
            found += _of_goal(goal, Path(folder))
    for name in SHIPPED:
        if not tasks or name in tasks:
            found += _of_task(name)
    return found


def _of_goal(goal: str, run: Path) -> list[Candidate]:
    known = next(each for each in json.loads((OWN_GOALS / "goals.json").read_text()) if each["name"] == goal)
    if known["env"].startswith("./"):
        name_environment(f"{OWN_GOALS / known['env'].removeprefix('./')}")
    task = load_task(run / "task.yaml", typed=True)
    lines = map(json.loads, (OWN_GOALS / f"{goal}.jsonl").read_text(encoding="utf-8").splitlines())
    answers = [each["answer"] for each in lines if each["role"] == "designer"]
    found = {f"designer-{place:02d}": extract_code(answer) for place, answer in enumerate(answers, start=1)}
    found |= {each.name: each.source for each in recorded_here(f"{GOALS}/{goal}")}
    return [Candidate(task, goal, name, source) for name, source in found.items()]


def shape(source: str) -> str:
    """A reward's code without its numbers and the names of its terms: equal ones differ in weights alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = "" if isinstance(node.value, str) else 0
    return ast.unparse(tree)


def recorded_here(task: str) -> list[RecordedReward]:
    """The rewards that were written for this benchmark; of those that differ in weights alone, the first."""
    different: dict[str, RecordedReward] = {}
    for each in _all_here():
        if each.task == task:
            different.setdefault(shape(each.source), each)
    return list(different.values())


def _all_here() -> list[RecordedReward]:
    lines = AROSE.read_text(encoding="utf-8").splitlines() if AROSE.exists() else []
    return [RecordedReward.model_validate_json(line) for line in lines]


def record(goal: str, run: Path) -> None:
    """Keep the rewards of a run for a goal or a shipped task, in the place of those that were kept before."""
    found = Run.open(run)
    name = found.task.name if goal in SHIPPED else f"{GOALS}/{goal}"
    fresh = [each.model_copy(update={"task": name, "trained": ()}) for each in rewards_of(found, "embedded-arose")]
    kept = [each for each in _all_here() if each.task != name]
    AROSE.write_text("".join(f"{each.model_dump_json()}\n" for each in [*kept, *fresh]), encoding="utf-8")


def _of_task(name: str) -> list[Candidate]:
    """Rewards that are not known to succeed; and before them the one that succeeded most, to show what that is paid."""
    task, known = load_task(name), trainings()
    different: dict[str, Candidate] = {}
    best: tuple[float, Candidate] | None = None
    for reward in [*recorded_rewards(name), *recorded_here(task.name)]:
        if reward.model is None or (reward.verdicts is not None and not reward.verdicts.ok):
            continue
        each = Candidate(task, name, reward.name, reward.source)
        shares = [trained.success for trained in reward.trained if trained.success is not None]
        shares += [float(success) for *_, success in known.get((name, reward.name), ())]
        highest = max(shares, default=0.0)
        if highest < SUCCEEDS:
            different.setdefault(bare(reward.source), each)
        elif best is None or highest > best[0]:
            best = highest, each
    return [*([best[1]] if best else []), *different.values()]
