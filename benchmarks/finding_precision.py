"""Precision of the rules that read a training: how many of their findings are right?

    python benchmarks/finding_precision.py --collect RUN_DIR …   # findings of today's rules on these runs' trainings
    python benchmarks/finding_precision.py                       # the table of what is labelled, by rule and build

`--collect` computes every finding anew from a run's stored results, episodes and reward, so today's rules are measured
on trainings of any age. It prints a line of JSON for each training, with what a judge needs: the goal, the measure in
words, the reward, the figures and the findings. A judge who has not read the rules' code says of each finding whether
it is `right`, `wrong` or `unclear`, and why; that is a line of `data/findings/labels.jsonl`, with the build that found
it. A finding is right if what it says is true of this training, and its advice would not make the reward worse. Unclear
ones count as neither.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reward_synth import Run
from reward_synth.core.types import CheckReport
from reward_synth.diagnosis.summary import summarize
from reward_synth.evaluation.conditions import conditions_held
from reward_synth.evaluation.select import wilson_interval
from reward_synth.preparation.preflight import preflight
from reward_synth.screening.terms import episode_terms
from reward_synth.simulators.custom.files import name_environment

HERE = Path(__file__).parent
LABELS = HERE / "data" / "findings" / "labels.jsonl"
RESULTS = HERE / "results" / "finding_precision.tsv"
COLUMNS = ("build", "rule", "findings", "right", "wrong", "unclear", "precision", "low", "high")


def found(run: Run) -> Iterator[dict[str, Any]]:
    """Today's findings on each training of a run, with what a judge needs to know."""
    task = run.task
    prepared = preflight(task)
    for candidate in run.candidates:
        results = run.results(candidate.id)
        episodes = [e for index in range(len(results)) for e in run.store.episodes(candidate.id, index)]
        if not results or not episodes:
            continue
        report = run.store.read_check(candidate.id) or CheckReport()
        values = episode_terms(run.reward(candidate.id), report, episodes)
        terms = [dict(zip(report.terms, steps.T, strict=True)) for steps in values]
        summary = summarize(
            task, prepared.table, candidate.id, results, episodes, terms,
            fields=report.fields, falls=prepared.trial.falls,
            conditions=conditions_held(task, prepared.table, episodes),
        )  # fmt: skip
        about = {
            "run": run.path.parent.name,
            "candidate": candidate.id,
            "goal": run.goal,
            "measure": task.notes,
            "success": summary.data["success"],
            "fitness": summary.data["fitness"],
            "reward": run.reward(candidate.id),
            "summary": summary.text,
        }
        yield about | {"findings": [{"rule": f.rule, "message": f.message, "fix": f.fix} for f in summary.findings]}


def table(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per build and rule, and one per build for all of its rules."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in lines:
        for rule in (line["rule"], "all"):
            counts[line["build"], rule][line["verdict"]] += 1
    rows = []
    for (build, rule), verdicts in sorted(counts.items()):
        right, wrong = verdicts["right"], verdicts["wrong"]
        low, high = wilson_interval(right, right + wrong) if right + wrong else (0.0, 1.0)
        rows.append(
            {"build": build, "rule": rule, "findings": verdicts.total(), "right": right, "wrong": wrong,
             "unclear": verdicts["unclear"], "precision": round(right / (right + wrong), 2) if right + wrong else "",
             "low": round(low, 2), "high": round(high, 2)}
        )  # fmt: skip
    return rows


def main() -> None:
    """Collect findings, or write the table of the labelled ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collect", nargs="+", type=Path, metavar="RUN_DIR", help="write their findings to stdout")
    parser.add_argument("--env", nargs="*", default=[], help="files of own environments that these runs use")
    arguments = parser.parse_args()
    for path in arguments.env:
        name_environment(path)
    if arguments.collect:
        for path in arguments.collect:
            for training in found(Run.open(path)):
                print(json.dumps(training), flush=True)
        return
    rows = table([json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()])
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print("\t".join(str(value) for value in row.values()), file=sys.stdout)


if __name__ == "__main__":
    main()
