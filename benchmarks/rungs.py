"""What early elimination saves, and what it loses: full training of all candidates against training in rungs.

    python benchmarks/rungs.py                  # 4 tasks x 8 recorded rewards, into results/rungs*.tsv
    python benchmarks/rungs.py --compare benchmarks/results/rungs_trainings_earlier.tsv   # two full trainings' winners
    python benchmarks/rungs.py --quick --json   # 1 task x 6 rewards on a fifth of its budget: 4 minutes on two cores

Two arms per task, on the same rewards and budgets, with the worker, the executor and the race of every search, and a
third with `--again`:

- `full`: every candidate to its end.
- `rungs`: as shipped, 10 %, 30 % and 100 % of the budget, on the same seeds.
- `again`: every candidate to its end once more, on other seeds. How often full training agrees with itself is as much
  as anything can agree with it.

No training ends because it succeeds, so the saving is that of the rungs alone. The winner is what a search would
choose: the highest success in the final evaluation, then fitness. `regret` is what the rungs' winner lacks of the best
one's fitness, both as fully trained, as a share of the distance between the best and the median candidate.

All arms train anew, so a winner can change by chance alone. `replayed` therefore decides the rungs on the full
trainings' own curves, for every field of six of the eight: how often is their winner still in the race at its end?
`again_kept` counts in how many of these fields the second full training has the winner of the first.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import itertools
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recorded import RecordedReward, recorded_rewards

from reward_synth.core.types import Candidate, TrainResult
from reward_synth.evaluation.select import best_candidate, wilson_interval, with_results
from reward_synth.executors.local import LocalExecutor
from reward_synth.methods.halving import Standing, SuccessiveHalving, choose
from reward_synth.screening.checker import RewardChecker
from reward_synth.settings.model import Settings
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import get_preset

HERE = Path(__file__).parent
TASKS = {
    "half_cheetah_run_forward": 1.0,
    "half_cheetah_run_backward": 1.0,
    "swimmer_swim_forward": 1.0,
    "reacher_reach": 1.0,
}
FIELD = 6
Row = dict[str, Any]
SHARES = Settings().rung_shares


def rewards_of(task: str, count: int) -> list[RecordedReward]:
    """Recorded rewards of both models in turn, so that the field is a mixed one."""
    known = recorded_rewards(task)
    strong = [reward for reward in known if reward.search.startswith("strong")]
    embedded = [reward for reward in known if reward.search == "embedded"]
    mixed = [reward for pair in itertools.zip_longest(strong, embedded) for reward in pair if reward is not None]
    return mixed[:count]


def jobs_of(
    task_name: str, count: int, scale: float, folder: Path, first_seed: int = 1000
) -> dict[str, list[TrainJob]]:
    """One job per candidate; the more promising first, as in a search."""
    task = load_task(task_name)
    checker = RewardChecker.of(task)
    found = []
    for number, reward in enumerate(rewards_of(task_name, count)):
        report = checker.check(reward.source)
        if not report.ok:
            continue
        place = folder / reward.name
        (place / "trajectories").mkdir(parents=True)
        (place / "train").mkdir()
        (place / "reward.py").write_text(reward.source, encoding="utf-8")
        ranking = checker.screen(reward.source, report).alignment
        job = TrainJob(
            task=task, reward=place / "reward.py", fields=report.fields, terms=report.terms,
            preset=get_preset(task.training.learner, task.training.preset), steps=round(task.training.steps * scale),
            seed=first_seed + number, folder=place / "train", trajectories=place / "trajectories",
            stop_when_solved=False,
        )  # fmt: skip
        found.append((round(ranking.reward, 1) if ranking else 0.0, reward.name, job))
    found.sort(key=lambda each: -each[0])
    return {name: [job] for _, name, job in found}


def race(jobs: dict[str, list[TrainJob]], shares: Sequence[float], workers: int, label: str) -> dict[str, TrainResult]:
    """Train in these rungs; the outcome by candidate."""
    outcome: dict[str, TrainResult] = {}

    def ended(name: str, results: list[TrainResult]) -> None:
        outcome[name] = results[0]
        print(f"{label} {name}: {results[0].steps:,} steps {results[0].reason}", file=sys.stderr, flush=True)

    SuccessiveHalving(
        LocalExecutor(workers), jobs, shares, lambda *_: None, ended, lambda cut: print(label, cut, file=sys.stderr),
        lambda: False,
    ).run()  # fmt: skip
    return outcome


def winner(outcome: dict[str, TrainResult]) -> Candidate:
    """What a search would choose."""
    blank = {"iteration": 1, "status": "designed"}
    scored = [
        with_results(Candidate.model_validate(blank | {"id": f"{n:03d}-a"}), [result])
        for n, result in enumerate(outcome.values())
    ]
    best = best_candidate(scored)
    assert best is not None
    return best.model_copy(update={"id": list(outcome)[int(best.id[:3])]})


def replay(full: dict[str, TrainResult], budget: int) -> tuple[int, int, float]:
    """Decide the rungs on full trainings' curves, for all fields of six: (winner kept, fields, mean regret)."""
    kept, regrets = 0, []
    fields = list(itertools.combinations(full, min(FIELD, len(full))))
    for names in fields:
        best = winner({name: full[name] for name in names}).id
        field, scores = list(names), {name: _score(full[name]) for name in names}
        for share in SHARES[:-1]:
            until = round(share * budget)
            standings = [Standing.of(name, [full[name]], until) for name in field if full[name].evaluations]
            field = [each.candidate for each in choose(standings, entered=len(field))[0]]
        kept += best in field
        regrets.append(_regret(scores, max(field, key=lambda name: scores[name])))
    return kept, len(fields), statistics.mean(regrets)


Scores = dict[str, tuple[float, float]]
"""Success and fitness of each candidate."""


def agreement(one: Scores, other: Scores) -> tuple[int, int]:
    """In how many fields of six both have the same winner, of how many."""
    fields = list(itertools.combinations(one, min(FIELD, len(one))))
    winners = [[max(field, key=lambda name: scores[name]) for field in fields] for scores in (one, other)]
    return sum(first == second for first, second in zip(*winners, strict=True)), len(fields)


def compare(one: Path, other: Path) -> str:
    """How often full trainings of two tables, made at other times, agree."""
    first, second = _full_scores(one), _full_scores(other)
    counts = {task: agreement(scores, second[task]) for task, scores in first.items()}
    same, fields = map(sum, zip(*counts.values(), strict=True))
    counts["all"] = same, fields
    return "\n".join(f"{task}: {agreed} of {count}" for task, (agreed, count) in counts.items())


def _full_scores(path: Path) -> dict[str, Scores]:
    scores: dict[str, Scores] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["arm"] == "full":
                scores.setdefault(row["task"], {})[row["candidate"]] = float(row["success"]), float(row["fitness"])
    return scores


def scores_of(outcome: dict[str, TrainResult]) -> Scores:
    """Of an arm's trainings."""
    return {name: _score(result) for name, result in outcome.items()}


def _score(result: TrainResult) -> tuple[float, float]:
    episodes = result.episodes
    if not episodes:
        return (-1.0, float("-inf"))
    count = len(episodes)
    return (sum(e.success for e in episodes) / count, sum(e.fitness for e in episodes) / count)


def _regret(scores: dict[str, tuple[float, float]], chosen: str) -> float:
    fitness = {name: score[1] for name, score in scores.items()}
    best = max(scores, key=lambda name: scores[name])
    span = fitness[best] - statistics.median(fitness.values())
    return max(0.0, (fitness[best] - fitness[chosen]) / span) if span > 0 else 0.0


def measure(
    task: str, count: int, scale: float, workers: int, again: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """All arms of one task: a row of results, and a row per training."""
    with tempfile.TemporaryDirectory() as name:
        arms: dict[str, dict[str, TrainResult]] = {}
        wanted = [("full", (1.0,), 1000), ("rungs", SHARES, 1000), ("again", (1.0,), 2000)]
        for arm, shares, seed in wanted if again else wanted[:2]:
            jobs = jobs_of(task, count, scale, Path(name) / arm, seed)
            arms[arm] = race(jobs, shares, workers, f"{task} {arm}")
        budget = next(iter(jobs.values()))[0].steps
    full, rungs = arms["full"], arms["rungs"]
    steps = {arm: sum(result.steps for result in found.values()) for arm, found in arms.items()}
    cpu = {arm: sum(result.cpu_seconds for result in found.values()) for arm, found in arms.items()}
    chosen, best = winner(rungs), winner(full)
    kept, fields, regret = replay(full, budget)
    row = {
        "date": datetime.date.today().isoformat(),
        "task": task,
        "candidates": len(full),
        "budget": budget,
        "full_steps": steps["full"],
        "rung_steps": steps["rungs"],
        "steps_saved": round(1 - steps["rungs"] / steps["full"], 3),
        "cpu_saved": round(1 - cpu["rungs"] / cpu["full"], 3),
        "full_winner": best.id,
        "rungs_winner": chosen.id,
        "same": int(best.id == chosen.id),
        "again_winner": winner(arms["again"]).id if again else "",
        "regret": round(_regret(scores_of(full), chosen.id), 3),
        "full_success": best.success,
        "rungs_success": chosen.success,
        "full_fitness": round(best.fitness or 0.0, 3),
        "rungs_fitness": round(chosen.fitness or 0.0, 3),
        "replayed_kept": kept,
        "replayed_fields": fields,
        "replayed_regret": round(regret, 3),
        "again_kept": agreement(*(scores_of(arms[arm]) for arm in ("full", "again")))[0] if again else "",
        "load": round(os.getloadavg()[0], 1),
    }
    trainings = [
        {
            "task": task, "arm": arm, "candidate": name, "steps": result.steps, "cpu_s": round(result.cpu_seconds, 1),
            "success": round(_score(result)[0], 3), "fitness": round(_score(result)[1], 3),
            "curve": " ".join(f"{point.success:.2f}/{point.fitness:.3g}" for point in result.evaluations),
            "reason": result.reason,
        }
        for arm, found in arms.items() for name, result in found.items()
    ]  # fmt: skip
    return row, trainings


def table(rows: list[dict[str, Any]]) -> str:
    return "\n".join("\t".join(map(str, line)) for line in [list(rows[0]), *(row.values() for row in rows)]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one task, six rewards, a fifth of the budget")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--task", choices=sorted(TASKS), help="this one alone")
    parser.add_argument("--again", action="store_true", help="the third arm too")
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--compare", type=Path, help="an earlier table of trainings; trains nothing")
    arguments = parser.parse_args()
    if arguments.compare:
        print(compare(arguments.compare, HERE / "results" / "rungs_trainings.tsv"))
        return
    chosen = {"half_cheetah_run_backward": 0.2} if arguments.quick else TASKS
    if arguments.task:
        chosen = {arguments.task: TASKS[arguments.task]}
    rows, trainings = [], []
    for task, scale in chosen.items():
        count = FIELD if arguments.quick else arguments.candidates
        row, found = measure(task, count, scale, arguments.workers, arguments.again)
        rows.append(row)
        trainings += found
        if not (arguments.quick or arguments.json):
            (HERE / "results" / "rungs.tsv").write_text(table(rows), encoding="utf-8")
            (HERE / "results" / "rungs_trainings.tsv").write_text(table(trainings), encoding="utf-8")
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(table(rows))
    steps = 1 - sum(row["rung_steps"] for row in rows) / sum(row["full_steps"] for row in rows)
    kept, fields = (sum(row[column] for row in rows) for column in ("replayed_kept", "replayed_fields"))
    low, high = wilson_interval(kept, fields)
    print(
        f"steps saved {steps:.0%}; same winner in {sum(row['same'] for row in rows)} of {len(rows)} tasks; replayed: "
        f"winner kept in {kept} of {fields} fields ({kept / fields:.0%}; fields of one task share trainings, so "
        f"the interval {low:.0%} to {high:.0%} is too narrow)"
    )


if __name__ == "__main__":
    main()
