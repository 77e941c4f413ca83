"""What each layer of the checks finds that the others do not: syntax alone, values as well, and the probe.

    python benchmarks/lint_ablation.py --state NAME   # the rows of that state in benchmarks/results/lint_ablation.tsv
    python benchmarks/lint_ablation.py --quick        # each kind of defect in one reward instead of three

Three arms over the same sources: `syntax` is the lint without what follows values, `lint` the whole lint, `probe` the
code run in its process on the task's recorded and sampled transitions, without any lint. Sources are:

- every recorded reward (`data/`): whatever is found there that the searches did not find is a false alarm;
- the attacks of `tests/containment`: the lint does not protect, but what it refuses costs no process;
- defects of `planted.py`: a kind is found by an arm if it finds it in every host.

A defect that the probe meets only at its deadline counts as found; `seconds` tells what that costs. Rows `rule` add up
the kinds by the rule that follows values: `by_values_alone` are the defects that neither syntax nor probe shows. The
state "with the interpreter" is the lint up to 2026-11-29, which read a reward statement by statement with intervals.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from unittest import mock

import numpy as np
import planted
from lint import check_snippet, is_refused, kept_rewards, snippets
from recorded import recorded_reward

from reward_synth.core.types import Finding
from reward_synth.reward.lint import LintReport, lint, linter
from reward_synth.screening import probe
from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import load_task

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "lint_ablation.tsv"
HOSTS = (
    "half_cheetah_run_forward/strong-001-a", "hopper_hop_forward/strong-001-b", "reacher_reach/strong-001-a",
    "drawer_open/strong-001-b", "push_cube/strong-001-a", "place_table/strong-001-a",
)  # fmt: skip
REPEATS = 5
COLUMNS = (
    "state", "date", "group", "what", "of", "harm", "syntax", "lint", "probe", "by_values_alone",
    "syntax_rules", "value_rules", "probe_rules", "seconds",
)  # fmt: skip


@contextmanager
def syntax_alone() -> Iterator[None]:
    """The lint without what follows values and calls."""
    off = {name: mock.MagicMock() for name in ("Reader", "Writes", "_check_recursion")}
    with mock.patch.multiple(linter, **off):
        yield


def sampled(checker: RewardChecker) -> probe.Transitions:
    """The transitions within the fields' ranges that the probe makes for the task, rows of all fields."""
    shown = checker.table.for_rewards()
    real = checker.reference_episodes.transitions(shown.names)
    return probe._random_transitions(real, np.asarray(shown.low), np.asarray(shown.high))


def probed(checker: RewardChecker, source: str) -> tuple[Finding, ...]:
    """What running the code shows, whatever the lint says of it."""
    shown = checker.table.for_rewards()
    report = lint(source, shown.layout(), action_size=len(shown.actions))
    passed = LintReport((), report.fields, report.uses_memory)
    with mock.patch.object(probe, "lint", lambda *_, **__: passed):
        ranges, transitions = (shown.low, shown.high), checker.reference_episodes.transitions(shown.names)
        return probe.check(source, shown.layout(), ranges, transitions, len(shown.actions)).findings


def rules(findings: tuple[Finding, ...]) -> list[str]:
    """The rules of findings, those of warnings in brackets."""
    return sorted({f.rule if f.severity == "error" else f"({f.rule})" for f in findings})


def look(defect: planted.Defect, known: dict[str, set[str]]) -> dict[str, Any]:
    """What each arm finds, beyond what it finds in the host as it is."""
    checker, source = defect.host.checker, defect.source
    shown = checker.table.for_rewards()
    with syntax_alone():
        syntax = rules(lint(source, shown.layout(), action_size=len(shown.actions)).findings)
    whole = rules(lint(source, shown.layout(), action_size=len(shown.actions)).findings)
    begun = time.monotonic()
    run = [rule for rule in rules(probed(checker, source)) if rule not in known[defect.host.name]]
    return {
        "syntax": syntax, "value": [rule for rule in whole if rule not in syntax], "lint": whole, "probe": run,
        "seconds": time.monotonic() - begun,
    }  # fmt: skip


def plants(each: int) -> Iterator[dict[str, Any]]:
    """A row per kind of planted defect."""
    inspectors = {task: RewardChecker.of(load_task(task)) for task in sorted({name.split("/")[0] for name in HOSTS})}
    hosts, known = [], {}
    for name in HOSTS:
        checker = inspectors[name.split("/")[0]]
        source = recorded_reward(*name.split("/")).source
        place = planted.host(checker, name, source, sampled(checker))
        plain = planted.sound(place)
        if plain is None:
            raise SystemExit(f"{name} does not end in `return {{…}}`")
        known[name] = set(rules(probed(checker, plain.source)))
        shown = checker.table.for_rewards()
        found = lint(plain.source, shown.layout(), action_size=len(shown.actions)).findings
        print(f"host {name}: lint {rules(found)}, probe {sorted(known[name])}", file=sys.stderr, flush=True)
        hosts.append(place)
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    harms = {}
    for defect in planted.defects(hosts, each):
        key = defect.group, defect.kind.name
        harms[key] = defect.kind.harm
        kinds.setdefault(key, []).append(look(defect, known))
        print(key, kinds[key][-1], file=sys.stderr, flush=True)
    for (group, name), found in kinds.items():
        alone = sum(bool(f["value"]) and not f["syntax"] and not f["probe"] for f in found)
        yield {
            "group": group, "what": name, "of": len(found), "harm": harms[group, name],
            **{arm: sum(bool(f[arm]) for f in found) for arm in ("syntax", "lint", "probe")},
            "by_values_alone": alone,
            "syntax_rules": " ".join(sorted({rule for f in found for rule in f["syntax"]})),
            "value_rules": " ".join(sorted({rule for f in found for rule in f["value"]})),
            "probe_rules": " ".join(sorted({rule for f in found for rule in f["probe"]})),
            "seconds": round(sum(f["seconds"] for f in found) / len(found), 1),
        }  # fmt: skip


def by_rule(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The kinds added up by the rule that follows values."""
    for rule in sorted({rule for row in rows for rule in row["value_rules"].split()}):
        chosen = [row for row in rows if rule in row["value_rules"].split()]
        alone = [row for row in chosen if row["by_values_alone"]]
        sums = {column: sum(row[column] for row in chosen) for column in ("of", "syntax", "lint", "probe")}
        harm = " ".join(sorted({row["harm"] for row in alone}))
        yield {
            "group": "rule", "what": rule, **sums, "harm": harm,
            "by_values_alone": sum(row["by_values_alone"] for row in alone),
        }  # fmt: skip


def best(source: str, layout: Any, action_size: int) -> tuple[float, list[str]]:
    """Seconds of the quickest of some lints, and the rules."""
    spent = []
    for _ in range(REPEATS):
        begun = time.process_time()
        report = lint(source, layout, action_size=action_size)
        spent.append(time.process_time() - begun)
    return min(spent), rules(report.findings)


def kept() -> dict[str, Any]:
    """The kept rewards: alarms of each arm, and milliseconds per reward."""
    alarms: dict[str, int] = {"syntax": 0, "lint": 0}
    seconds: dict[str, list[float]] = {"syntax": [], "lint": []}
    named: dict[str, set[str]] = {"syntax": set(), "lint": set()}
    for _, source, layout, action_size in kept_rewards():
        with syntax_alone():
            spent = {"syntax": best(source, layout, action_size)}
        spent["lint"] = best(source, layout, action_size)
        for arm, (took, found) in spent.items():
            seconds[arm].append(1e3 * took)
            alarms[arm] += bool(found)
            named[arm] |= set(found)
    took_ms = {arm: f"{np.median(values):.2f} ms" for arm, values in seconds.items()}
    return {
        "group": "kept", "what": "kept rewards with a finding", "of": len(seconds["lint"]), **alarms,
        "by_values_alone": alarms["lint"] - alarms["syntax"], "syntax_rules": " ".join(sorted(named["syntax"])),
        "value_rules": " ".join(sorted(named["lint"] - named["syntax"])),
        "seconds": f"median {took_ms['syntax']} with syntax alone, {took_ms['lint']} in all",
    }  # fmt: skip


def attacks(name: str) -> dict[str, Any]:
    """Attacks of a corpus that each arm refuses."""
    rows = snippets(name)
    passing = []
    for row in rows:
        with syntax_alone():
            alone = is_refused(check_snippet(row["code"]))
        whole = is_refused(check_snippet(row["code"]))
        passing.append((row["id"], alone, whole))
    only = [identifier for identifier, alone, whole in passing if whole and not alone]
    return {
        "group": "attacks", "what": name, "of": len(rows), "syntax": sum(p[1] for p in passing),
        "lint": sum(p[2] for p in passing), "by_values_alone": len(only), "value_rules": " ".join(only),
    }  # fmt: skip


def keep(rows: list[dict[str, Any]], state: str) -> None:
    """Write the rows in the place of the state's earlier ones."""
    earlier: list[dict[str, Any]] = []
    if RESULTS.exists():
        with RESULTS.open(newline="", encoding="utf-8") as file:
            earlier = [row for row in csv.DictReader(file, delimiter="\t") if row["state"] != state]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        write([*earlier, *rows], file)


def write(rows: list[dict[str, Any]], file: TextIO) -> None:
    """Write rows with their header."""
    writer = csv.DictWriter(file, COLUMNS, delimiter="\t", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="each kind in one host; print, write nothing")
    parser.add_argument("--state", default="now", help="what the lint is at present, in words")
    arguments = parser.parse_args()
    rows = [kept(), *(attacks(f"{name}.jsonl") for name in ("attacks", "shared_attacks", "benign"))]
    found = list(plants(1 if arguments.quick else 3))
    about = {"state": arguments.state, "date": datetime.date.today().isoformat()}
    rows = [{**about, **row} for row in (*rows, *by_rule(found), *found)]
    if arguments.quick:
        write(rows, sys.stdout)
    else:
        keep(rows, arguments.state)


if __name__ == "__main__":
    main()
