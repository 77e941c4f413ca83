"""Rewards that models wrote in searches, good and bad, as data: one line of JSON each in `data/TASK.jsonl`.

    python benchmarks/recorded.py                          # how many there are, and what is known of them
    python benchmarks/recorded.py --judge                  # lint, probe and screen them again, and write the verdicts
    python benchmarks/recorded.py --add RUN strong-fifth   # add a run's candidates, as a search of that name

What is not known is null: of most rewards, nobody wrote down the training. `trained` holds the rows of `results/*.tsv`
that name the reward and no changed preset; the tables say under which conditions.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Severity, Source, Value

if TYPE_CHECKING:
    from reward_synth import Run
    from reward_synth.screening.checker import RewardChecker

DATA = Path(__file__).resolve().parent / "data"
DEFECTS = DATA / "defects.jsonl"
"""Rewards that were written to hold one known defect each, and sound ones beside them: no search wrote them."""
AROSE = DATA / "emergent.jsonl"
"""Rewards of all tasks that the embedded model wrote for `emergent.py`: other benchmarks do not read them."""


class Found(Value):
    """What lint, probe or screen found."""

    source: Source
    rule: str
    severity: Severity


class Verdicts(Value):
    """What the checks say of a reward, by the rules at the time they were last run (`--judge`)."""

    ok: bool
    """True if no error was found: it may be trained."""
    findings: tuple[Found, ...] = ()
    ranking: float | None = None
    """Rank correlation of the reward with fitness over reference episodes; None if it was not screened."""


class Trained(Value):
    """What one training came to, by a row of `results/`."""

    table: str
    """The file there; for `--add`, `run`."""
    arm: str | None = None
    """The table's arm, where it has several."""
    seed: int | None = None
    status: str
    success: float | None = None
    """Share of evaluation episodes that succeeded."""
    fitness: float | None = None
    steps: int | None = None
    """Environment steps."""
    reason: str = ""


class RecordedReward(Value):
    """One reward, and what is known of it."""

    task: str
    """The task spec's name, `gym/hopper_back_flip`."""
    search: str
    """`strong` for the first search with a strong model's answers, `strong-again`, …; `embedded-final` with the prompts
    as they stand, `embedded` with those before; `hand` for one that a person wrote."""
    iteration: int | None = None
    candidate: str | None = None
    """Its letter in the iteration."""
    model: str | None = None
    """As in `results/`: `local`, or `manual` for answers given by hand; None for no model."""
    date: str | None = None
    """On which the text was first kept."""
    source: str
    verdicts: Verdicts | None = None
    trained: tuple[Trained, ...] = ()

    @property
    def short_task(self) -> str:
        """Without the simulator."""
        return self.task.partition("/")[2]

    @property
    def name(self) -> str:
        """`strong-001-a`, unique in its task."""
        return self.search if self.iteration is None else f"{self.search}-{self.iteration:03d}-{self.candidate}"


def recorded_rewards(task: str | None = None) -> list[RecordedReward]:
    """All recorded rewards, by task and name; or those of one task, named with or without its simulator."""
    paths = sorted(set(DATA.glob("*.jsonl")) - {DEFECTS, AROSE}) if task is None else [_path(task)]
    return [
        RecordedReward.model_validate_json(line)
        for path in paths
        if path.exists()
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def recorded_reward(task: str, name: str) -> RecordedReward:
    """The reward of that name; KeyError if there is none."""
    found = {reward.name: reward for reward in recorded_rewards(task)}
    return found[name]


def _path(task: str) -> Path:
    return DATA / f"{task.rpartition('/')[2]}.jsonl"


def write(task: str, rewards: Sequence[RecordedReward]) -> None:
    """Write a task's file anew, sorted by name."""
    ordered = sorted(rewards, key=lambda reward: reward.name)
    _path(task).write_text("".join(reward.model_dump_json() + "\n" for reward in ordered), encoding="utf-8")


def judged(rewards: Sequence[RecordedReward]) -> list[RecordedReward]:
    """The same rewards of one task with the verdicts of the rules as they are now."""
    from reward_synth.screening.checker import RewardChecker
    from reward_synth.tasks.spec import load_task

    checker = RewardChecker.of(load_task(rewards[0].task))
    return [reward.model_copy(update={"verdicts": _verdicts(checker, reward.source)}) for reward in rewards]


def _verdicts(checker: RewardChecker, source: str) -> Verdicts:
    report = checker.check(source)
    if report.ok:
        report = checker.screen(source, report)
    return Verdicts(
        ok=report.ok,
        findings=tuple(Found(source=f.source, rule=f.rule, severity=f.severity) for f in report.findings),
        ranking=round(report.alignment.reward, 4) if report.alignment else None,
    )


def rewards_of(run: Run, search: str) -> list[RecordedReward]:
    """A run's candidates."""
    return [
        RecordedReward(
            task=run.task.name,
            search=search,
            iteration=candidate.iteration,
            candidate=candidate.id.partition("-")[2],
            model=run.settings.model.partition(":")[0] if candidate.author == "designer" else None,
            date=run.info.created.date().isoformat(),
            source=run.reward(candidate.id),
            trained=tuple(
                Trained(
                    table="run",
                    seed=result.seed,
                    status=result.status,
                    success=result.success,
                    fitness=result.fitness,
                    steps=result.steps,
                    reason=result.reason,
                )
                for result in run.results(candidate.id)
            ),
        )
        for candidate in run.candidates
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="lint, probe and screen the rewards again")
    parser.add_argument("--add", nargs=2, metavar=("RUN", "SEARCH"), help="add the candidates of a run folder")
    parser.add_argument("--task", help="only this task's")
    arguments = parser.parse_args()
    if arguments.add:
        from reward_synth import Run

        added = rewards_of(Run.open(arguments.add[0]), arguments.add[1])
        kept = [each for each in recorded_rewards(added[0].task) if each.search != arguments.add[1]]
        write(added[0].task, [*kept, *judged(added)])
    rewards = recorded_rewards(arguments.task)
    for task in sorted({reward.task for reward in rewards}) if arguments.judge else ():
        try:
            write(task, judged([reward for reward in rewards if reward.task == task]))
        except RewardSynthError as error:
            print(f"{task}: not judged: {error.message}", file=sys.stderr)
    rewards = recorded_rewards(arguments.task)
    rules: Counter[str] = Counter()
    for reward in rewards:
        rules.update(f"{f.source} {f.severity} {f.rule}" for f in (reward.verdicts.findings if reward.verdicts else ()))
    print(f"{len(rewards)} rewards for {len({reward.task for reward in rewards})} tasks")
    print(f"{sum(reward.verdicts is not None and reward.verdicts.ok for reward in rewards)} of them may be trained")
    print(f"{sum(bool(reward.trained) for reward in rewards)} of them have a training in results/")
    for rule, count in sorted(rules.items()):
        print(f"{count:4} {rule}")


if __name__ == "__main__":
    main()
