"""How fast the lint is, what it refuses, and whom it refuses wrongly.

    python benchmarks/lint.py            # prints a table
    python benchmarks/lint.py --json     # prints it as JSON

Time and false alarms are of the recorded rewards in `benchmarks/data`, each with its task's fields, and of the harmless
snippets in `tests/containment`. The attacks there are counted by class: one is refused if the lint finds an error that
is not about the form of what it returns.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from recorded import recorded_rewards

from reward_synth.evaluation.play import field_table
from reward_synth.reward.lint import LintReport, lint
from reward_synth.state.view import Layout
from reward_synth.tasks.spec import load_task

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "tests" / "containment"
REPEATS = 5

SNIPPET_LAYOUT: Layout = (
    ("x_velocity", ()), ("y_velocity", ()), ("height", ()), ("pitch", ()), ("dt", ()), ("gripper_width", ()),
    ("ee_pos", (3,)), ("object_pos", (3,)), ("goal_pos", (3,)), ("object_quat", (4,)), ("joints", (6,)),
    ("contact_forces", (6,)), ("observation", (40,)),
)  # fmt: skip
"""What the snippets read; `observation` stands for the array of those that are written for other parameters."""
SNIPPET_ACTION = 8
FORM = frozenset({"wrong-return", "no-return", "total-term", "no-state"})
"""Rules about the form of the answer, in which the snippets differ from the contract."""


def adapted(code: str) -> str:
    """A snippet for ``(obs, action, next_obs, info)`` with the contract's parameters."""
    old = r"def compute_reward\(\s*obs\s*,\s*action\s*,\s*next_obs\s*,\s*info\s*\)"
    if not re.search(old, code):
        return code
    code = re.sub(old, "def compute_reward(state, action, next_state)", code)
    for name, _ in SNIPPET_LAYOUT[:-1]:
        code = re.sub(rf"""\binfo\[["']{name}["']\]""", f"next_state.{name}", code)
        code = re.sub(rf"""\binfo\.get\(["']{name}["'](,[^()]*)?\)""", f"next_state.{name}", code)
    for word, new in (("next_obs", "next_state.observation"), ("obs", "state.observation"), ("info", "next_state")):
        code = re.sub(rf"(?<!\.)\b{word}\b(?!\s*=[^=])", new, code)
    return code


def snippets(name: str) -> list[dict[str, str]]:
    """The rows of a corpus file."""
    path = CORPUS / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def is_refused(report: LintReport) -> bool:
    """True if an error is about more than the form of the answer."""
    return any(finding.severity == "error" and finding.rule not in FORM for finding in report.findings)


def check_snippet(code: str) -> LintReport:
    """Lint a snippet of the corpus."""
    return lint(adapted(code), SNIPPET_LAYOUT, action_size=SNIPPET_ACTION)


def kept_rewards() -> Iterator[tuple[str, str, Layout, int]]:
    """Name, source, layout and action size of every recorded reward."""
    table_of = functools.cache(lambda task: field_table(load_task(task)))
    for reward in recorded_rewards():
        table = table_of(reward.task)
        yield f"{reward.short_task}/{reward.name}", reward.source, table.layout(), len(table.actions)


def measure_rewards() -> dict[str, object]:
    """Milliseconds per reward, the best of a few runs each, and what was found."""
    spent: list[float] = []
    errors: list[str] = []
    warnings: Counter[str] = Counter()
    for name, source, layout, action_size in kept_rewards():
        best = float("inf")
        for _ in range(REPEATS):
            begun = time.perf_counter()
            report = lint(source, layout, action_size=action_size)
            best = min(best, time.perf_counter() - begun)
        spent.append(1e3 * best)
        errors += [f"{name}: {finding.as_text()}" for finding in report.findings if finding.severity == "error"]
        warnings.update(finding.rule for finding in report.findings if finding.severity == "warning")
    spent.sort()
    return {
        "rewards": len(spent),
        "median_ms": round(statistics.median(spent), 2),
        "p95_ms": round(spent[int(0.95 * (len(spent) - 1))], 2),
        "max_ms": round(spent[-1], 2),
        "errors": errors,
        "warnings": dict(sorted(warnings.items())),
    }


def measure_attacks(name: str) -> dict[str, object]:
    """Attacks refused per class, and the identifiers of those that pass."""
    total: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    passing = []
    for row in snippets(name):
        total[row["class"]] += 1
        if is_refused(check_snippet(row["code"])):
            refused[row["class"]] += 1
        else:
            passing.append(row["id"])
    return {
        "attacks": total.total(),
        "refused": refused.total(),
        "classes": {kind: f"{refused[kind]}/{count}" for kind, count in sorted(total.items())},
        "passing": passing,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    harmless = snippets("benign.jsonl")
    alarms = [row["id"] for row in harmless if is_refused(check_snippet(row["code"]))]
    result = {
        "kept": measure_rewards(),
        "harmless": {"snippets": len(harmless), "refused": alarms},
        **{path.stem: measure_attacks(path.name) for path in sorted(CORPUS.glob("*attacks.jsonl"))},
    }
    if as_json:
        print(json.dumps(result, indent=2))
        return
    for part, figures in result.items():
        print(part)
        for key, value in figures.items():
            print(f"  {key:12} {value}")


if __name__ == "__main__":
    main()
