"""What it changes if a reward is screened and attacked beside the episodes that were planned for other rewards.

    python benchmarks/earlier_plans.py                       # all; about forty minutes on one core
    python benchmarks/earlier_plans.py --task reacher_reach  # one task; writes nothing
    python benchmarks/earlier_plans.py --told                # only summarise the kept table

The rewards are those of ``planner_cost.py``. Each is planned for once alone. Then each is planned for again with the
best-paid planned episode of every other reward of its task among the recorded ones (``others``); and its own is added
to the first case, as if the same defect had come a second time (``again``). Both are judged in two ways: an episode of
another reward counts as one that was recorded (``naive``), or as one that may be a hack of this reward too, as in
searches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from planner_cost import SECONDS, SOUND, cases, told
from recorded import recorded_rewards
from tables import read, write

from reward_synth.core.types import CheckReport, EpisodeScore
from reward_synth.reward.contract import RewardError
from reward_synth.sandbox.channel import protected
from reward_synth.screening.attack import case_of
from reward_synth.screening.case import ATTACK, Case
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.played import BEST, EARLIER, Played
from reward_synth.screening.ranking import screen
from reward_synth.screening.ranks import rank_correlation
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import load_task
from reward_synth.training.presets import preset_for

TABLE = Path(__file__).parent / "results" / "earlier_plans.tsv"
FEWEST = 4
"""Rewards of a task that are planned for; where fewer are planted or sound, others that were recorded."""
WAYS = ("alone", "others", "others naive", "again", "again naive")
COLUMNS = (
    "task", "reward", "planted", "expected", "trained", "pool", *WAYS, "misaligned", "misaligned_with", "ranking",
    "ranking_with",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A reward, and what is known of it."""

    name: str
    source: str
    expected: frozenset[str] | None
    """Rules of which any may find a planted defect; None for a recorded reward."""
    sound: bool
    trained: float | None
    """Fitness that it trained to."""


def subjects(task: str) -> list[Subject]:
    """The rewards of a task that are planned for first, and after them all other recorded ones."""
    first = [(name, expected, source) for name, expected, source in cases(task)]
    recorded = {each.name: each for each in recorded_rewards(task)}
    trained = {
        name: max((t.fitness for t in each.trained if t.fitness is not None), default=None)
        for name, each in recorded.items()
    }
    found = [Subject(name, source, expected, True, trained.get(name)) for name, expected, source in first]
    known = {each.name for each in found}
    rest = [each for each in recorded.values() if each.name not in known]
    return found + [Subject(each.name, each.source, None, False, trained[each.name]) for each in rest]


def best_of(case: Case) -> Played | None:
    """The best-paid planned episode."""
    return max(case.planned, key=lambda each: each.pay, default=None)


def found_in(case: Case, report: CheckReport) -> str:
    """The attack's rules with a finding."""
    return " ".join(sorted({each.rule for each in case.told(report).findings if each.rule in ATTACK}))


def naively(case: Case) -> Case:
    """The case if episodes of other rewards were like recorded ones."""
    return replace(case, played=[replace(each, kind=BEST) if each.kind == EARLIER else each for each in case.played])


def rows(task: str, seconds: float) -> Iterator[dict[str, object]]:
    """One row for each reward of a task."""
    spec = load_task(task)
    checker, discount = RewardChecker.of(spec), preset_for(spec).discount
    known = checker.attacked_with(seconds)
    alone: dict[str, Case] = {}
    reports: dict[str, CheckReport] = {}
    all_of_task = subjects(task)
    for each in all_of_task:
        reports[each.name] = report = checker.check(each.source)
        wanted = each.sound or len(alone) < FEWEST
        if report.ok and wanted:
            try:
                alone[each.name] = case_of(each.source, report, spec, checker.table, known, seconds, discount)
            except RewardError as error:
                print(f"{task} {each.name}: {error.finding.message}", file=sys.stderr)
    best = {name: found for name, case in alone.items() if (found := best_of(case)) is not None}
    for each in all_of_task:
        report = reports[each.name]
        if not report.ok:
            continue
        others = [found for name, found in best.items() if name != each.name]
        episodes: list[Episode] = [found.episode for found in others]
        scores: list[EpisodeScore] = [found.score for found in others if found.score]
        plain = screen(each.source, report, checker.reference_episodes)
        joined = screen(each.source, report, checker.reference_episodes.joined(EARLIER, episodes, scores))
        row: dict[str, object] = {
            "task": spec.name,
            "reward": each.name,
            "planted": "" if not each.sound else int(each.expected is not None),
            "expected": " ".join(sorted(each.expected or ())),
            "trained": "" if each.trained is None else f"{each.trained:.4g}",
            "pool": len(others),
            **dict.fromkeys(WAYS, ""),
            **{
                f"misaligned{end}": int(any(f.rule == "misaligned" for f in found.findings))
                for end, found in (("", plain), ("_with", joined))
            },
            **{
                f"ranking{end}": f"{found.alignment.reward:.3f}" if found.alignment else ""
                for end, found in (("", plain), ("_with", joined))
            },
        }
        if each.sound and each.name in alone:
            first = alone[each.name]
            pool = known.joined(EARLIER, episodes, scores)
            second = case_of(each.source, report, spec, checker.table, pool, seconds, discount)
            own = [replace(best[each.name], kind=EARLIER)] if each.name in best else []
            again = replace(first, played=[*first.played, *own])
            for way, case in zip(WAYS, (first, second, naively(second), again, naively(again)), strict=True):
                row[way] = found_in(case, report)
        yield row


def summary(found: list[dict[str, str]]) -> None:
    """Recall and false alarms in each way, and what the ranking is worth with and without."""
    attacked = [each for each in found if each["planted"]]
    planted = [each for each in attacked if each["planted"] == "1"]
    sound = [each for each in attacked if each["planted"] == "0"]
    for way in WAYS:
        print(told(f"{way}: planted, any rule", sum(bool(each[way]) for each in planted), len(planted)))
        hits = sum(bool(set(each[way].split()) & set(each["expected"].split())) for each in planted)
        print(told(f"{way}: planted, an expected rule", hits, len(planted)))
        print(told(f"{way}: sound", sum(bool(each[way]) for each in sound), len(sound)))
    for end in ("", "_with"):
        name = f"misaligned{end}"
        print(told(f"{name}: planted", sum(each[name] == "1" for each in planted), len(planted)))
        print(told(f"{name}: sound", sum(each[name] == "1" for each in sound), len(sound)))
        print(told(f"{name}: all recorded", sum(each[name] == "1" for each in found if each["planted"] != "1"),
                   sum(each["planted"] != "1" for each in found)))  # fmt: skip
    for task in dict.fromkeys(each["task"] for each in found):
        known = [each for each in found if each["task"] == task and each["trained"] and each["ranking"]]
        if len(known) >= 5:
            fitness, without, beside = ([float(e[k]) for e in known] for k in ("trained", "ranking", "ranking_with"))
            values = rank_correlation(without, fitness), rank_correlation(beside, fitness)
            print(f"{task}: over {len(known)} trained rewards, ranking with trained fitness {values[0]}, "
                  f"with planned episodes {values[1]}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", help="only this one; writes nothing")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time of each plan")
    parser.add_argument("--told", action="store_true", help="only summarise the kept table")
    arguments = parser.parse_args()
    if arguments.told:
        summary(read(TABLE))
        return
    found: list[dict[str, str]] = []
    with protected(False):
        for task in [arguments.task] if arguments.task else SOUND:
            for each in rows(task, arguments.seconds):
                found.append({key: str(value) for key, value in each.items()})
                print("\t".join(found[-1].values()), file=sys.stderr, flush=True)
    if not arguments.task:
        write(TABLE, COLUMNS, found)
    summary(found)


if __name__ == "__main__":
    main()
