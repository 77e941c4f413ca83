"""Does the planner save anything in a search? Arms on recorded answers, to the first reward that solves the task.

    python benchmarks/planner_saves.py             # an hour of one core; what results/planner_saves.tsv holds is kept
    python benchmarks/planner_saves.py --analyse   # seconds, from results/planner_saves.tsv alone

- `plain`: no planner; candidates train in the order of the answers.
- `planner`: each reward is attacked (`--plan-seconds`). The attack only warns, so a critic decides what follows. The
  recorded one objects to every reward of which the attack found something, which is as much as the attack can do.
- `planner+order`: besides, those candidates of an iteration that were planned to the end train in the order of the
  fitness of what was planned.
- `best order`: no planner, and the first iteration trains in the order that turns out to take the least processor time.
  Nobody knows it before; it says what no order can beat.

A recorded designer cannot react to an objection: a repair is answered with the next recorded reward. Once no answer is
left, it brings the same text again, and an iteration without an answer ends the search.

**Nothing is done twice.** A reward's checks and attack, and each part of its training between two rungs, are made once
and booked as measured in every search that asks for them: a training with the same job digest comes to the same on one
machine. So the searches replay `Refiner` and `SuccessiveHalving` of every search on recorded outcomes, with two
iterations of four rewards, and many orders of the answers are possible at the price of one training a reward and seed.
What a search costs besides is measured once a task, from a search that trains next to nothing, and is the same in all
arms. Left out in all arms: trainings that go on in the second iteration, twins, and films of that iteration.

The answers of a search are `written`, a recorded search as it was, or `mixed`, all of the task's in a drawn order.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, cast

from planner_saves_recorded import Checked, Part, RecordedTask, Trainings
from planner_saves_table import ARMS, BEST_ORDER, COLUMNS, TABLE, summary
from tables import add, read

from reward_synth.core.types import CheckReport, Finding, TrainResult
from reward_synth.methods.halving import SuccessiveHalving
from reward_synth.methods.refine import Refiner
from reward_synth.roles.brief import Brief, Exchange
from reward_synth.roles.critic import Critic, Review
from reward_synth.roles.designer import Designer, Draft
from reward_synth.sandbox.channel import protected
from reward_synth.screening.attack import Attacked
from reward_synth.screening.checker import RewardChecker
from reward_synth.settings.model import Settings
from reward_synth.settings.values import parse_rungs

STRONG, BOTH = ("strong",), ("strong", "embedded")
TASKS = {
    "inverted_pendulum_balance": BOTH,
    "reacher_reach": BOTH,
    "swimmer_swim_forward": BOTH,
    "half_cheetah_run_forward": BOTH,
    "half_cheetah_target_speed": STRONG,
    "half_cheetah_run_backward": BOTH,
    "hopper_hop_backward": STRONG,
    "door_close": STRONG,
    "hopper_hop_forward": BOTH,
    "button_press": STRONG,
    "place_table": STRONG,
    "window_close": (*STRONG, "strong-again"),
}
"""The searches whose rewards are answers, in the order in which they are measured. `embedded` is the built-in model
with earlier prompts, whose rewards are worse."""
ITERATIONS, SAMPLES, SHUFFLES = 2, 4, 20
SETTINGS = Settings()
RUNGS = (SETTINGS.rungs, "1")
"""As shipped, and every candidate to its end before the next begins: there, an order can save most."""


class Answers:
    """A designer that answers with recorded rewards, in turn."""

    def __init__(self, names: Sequence[str]) -> None:
        self._left = list(names)

    def design(self, count: int) -> list[Draft]:
        """The next answers; fewer once they run out."""
        taken, self._left = self._left[:count], self._left[count:]
        return [Draft(name) for name in taken]

    def repair(self, brief: Brief, jobs: Sequence[tuple[Draft, Sequence[Finding]]]) -> list[Draft]:
        """The next answer for each; the same text once there is none."""
        return [next(iter(self.design(1)), draft) for draft, _ in jobs]


class Obedient:
    """A critic that takes the attack at its word."""

    def review(self, brief: Brief, jobs: Sequence[tuple[Draft, CheckReport]]) -> list[Review]:
        """An objection to each reward of which something was found."""
        found = [tuple(f.model_copy(update={"severity": "error"}) for f in report.findings) for _, report in jobs]
        said = Exchange("critic", "", "")
        return [Review(each, said, "revise" if each else "pass") for each in found]


class Checks:
    """A checker that knows the reports, and counts what they cost."""

    def __init__(self, known: dict[str, Checked], fitness_s: float) -> None:
        self._known, self._fitness_s = known, fitness_s
        self._attacked: set[str] = set()
        self.check_s, self.attack_s = 0.0, 0.0

    def check(self, source: str) -> CheckReport:
        """Every recorded reward passes."""
        self.check_s += self._known[source].check_s
        return CheckReport()

    def screen(self, source: str, report: CheckReport) -> CheckReport:
        """It is part of the check."""
        return report

    def attack(self, source: str, report: CheckReport, seconds: float, discount: float) -> Attacked:
        """What the attack found. The first one of a search plans for the fitness too.

        The same text is brought again only because no answer is left, so it costs nothing more.
        """
        if source not in self._attacked:
            self.attack_s += self._known[source].attack_s + (0.0 if self._attacked else self._fitness_s)
            self._attacked.add(source)
        return Attacked(report.plus(self._known[source].findings, {}))


class Found(NamedTuple):
    """What a search came to. A reward's name stands for its source everywhere."""

    solved: bool
    iterations: int
    trained: dict[str, Part]
    repairs: int
    check_s: float
    attack_s: float

    @property
    def training_s(self) -> float:
        """Processor seconds of all trainings."""
        return sum(part.cpu_s for part in self.trained.values())


def search(recorded: RecordedTask, answers: Sequence[str], arm: str, seed: int, rungs: str = RUNGS[0]) -> Found:
    """Design, refine and race until a reward solves the task or the answers are used up."""
    checks, designer = Checks(recorded.checked, recorded.fitness_s), Answers(answers)
    refiner = Refiner(
        cast(RewardChecker, checks), cast(Designer, designer), cast(Critic, Obedient()), SETTINGS.repairs,
        plan_seconds=0.0 if arm == "plain" else recorded.seconds,
    )  # fmt: skip
    trainings, solved, repairs, iteration = Trainings(recorded.part), [False], 0, 0
    for iteration in range(1, ITERATIONS + 1):
        drafts = designer.design(SAMPLES)
        if not drafts:
            iteration -= 1
            break
        items = refiner.refine(cast(Brief, None), drafts)
        repairs += sum(item.repairs for item in items)
        names = [item.draft.source for item in items if item.ok]
        if arm == "planner+order":
            names = by_plan(names, recorded.checked)
        race(recorded, names, seed, rungs, trainings, solved)
        if solved[0]:
            break
    return Found(solved[0], iteration, dict(trainings.booked), repairs, checks.check_s, checks.attack_s)


def best_order(recorded: RecordedTask, answers: Sequence[str], seed: int, rungs: str) -> Found:
    """The plain search, with the first answers in the order that turns out to be the cheapest."""
    first, later = answers[:SAMPLES], answers[SAMPLES:]
    tried = [search(recorded, [*names, *later], "plain", seed, rungs) for names in itertools.permutations(first)]
    return min(tried, key=lambda found: (not found.solved, found.training_s))


def race(
    recorded: RecordedTask, names: Sequence[str], seed: int, rungs: str, trainings: Trainings, solved: list[bool]
) -> None:
    """Train an iteration's candidates as a search does, and note whether one solves the task."""

    def ended(name: str, results: list[TrainResult]) -> None:
        solved[0] = solved[0] or trainings.booked[name].solved

    jobs = {name: [recorded.job(name, seed)] for name in names}
    SuccessiveHalving(
        trainings, jobs, parse_rungs(rungs), lambda *_: None, ended, lambda _: None, lambda: solved[0]
    ).run()


def by_plan(names: Sequence[str], known: dict[str, Checked]) -> list[str]:
    """In the order of the fitness of what was planned. Who was not planned to the end keeps its place."""
    planned = [name for name in names if known[name].rounds and known[name].planned is not None]
    best = iter(sorted(planned, key=lambda name: known[name].planned or 0.0, reverse=True))
    return [next(best) if name in planned else name for name in names]


def orders(recorded: RecordedTask, seed: int) -> Iterator[tuple[str, list[str]]]:
    """Names and answers of the searches: recorded ones, and drawn orders of all answers."""
    for written in dict.fromkeys(reward.search for reward in recorded.rewards.values()):
        yield f"written {written}", [r.name for r in recorded.rewards.values() if r.search == written]
    for number in range(SHUFFLES):
        names = list(recorded.rewards)
        random.Random(f"{recorded.name}/{seed}/{number}").shuffle(names)
        yield f"mixed {number}", names


def measure(recorded: RecordedTask, seed: int, rungs: str) -> None:
    """The searches of a task and seed that are not in the table yet, a row as each ends."""
    wanted = (recorded.name, str(seed), rungs)
    done = {(row["answers"], row["arm"]) for row in read(TABLE) if (row["task"], row["seed"], row["rungs"]) == wanted}
    for name, answers in orders(recorded, seed):
        for arm in ARMS:
            if (name, arm) not in done:
                found = (
                    best_order(recorded, answers, seed, rungs)
                    if arm == BEST_ORDER
                    else search(recorded, answers, arm, seed, rungs)
                )
                add(TABLE, COLUMNS, (*wanted, name, arm, *figures(recorded, found)))


def figures(recorded: RecordedTask, found: Found) -> tuple[object, ...]:
    """What the table says of a search."""
    parts = found.trained.values()
    cpu_s = recorded.fixed_s + found.check_s + found.attack_s + found.training_s
    return (
        int(found.solved), found.iterations, found.repairs, len(parts), sum(part.steps for part in parts),
        f"{cpu_s:.1f}", f"{found.attack_s:.1f}", f"{found.training_s:.1f}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--analyse", action="store_true", help="print the tables; measures nothing")
    parser.add_argument("--task", nargs="*", choices=TASKS, help="only these")
    parser.add_argument("--seed", nargs="*", type=int, default=[0], help="training seeds, 0 and up")
    parser.add_argument("--rungs", default=RUNGS[0], choices=RUNGS, help="as of a search")
    parser.add_argument("--folder", type=Path, default=Path("build/planner_saves"), help="where trainings lie")
    arguments = parser.parse_args()
    if arguments.analyse:
        print(summary(read(TABLE)), end="")
        return
    with protected():
        for seed in arguments.seed:
            for task in arguments.task or TASKS:
                with closing(RecordedTask(task, TASKS[task], arguments.folder.resolve())) as recorded:
                    recorded.measure()
                    measure(recorded, seed, arguments.rungs)
                print(f"{task} {seed} {arguments.rungs}: done", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
