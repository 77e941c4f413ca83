"""Do recorded answers and seeds give the same results in two checkouts? For changes that must change nothing.

    python benchmarks/same_results.py --before ../other-checkout

Three kept runs are played again from their recorded answers, in the other checkout and in this one, each with its own
interpreter (``.venv/bin/python``). Their ``results.tsv`` are compared cell by cell; they hold no times, so they must be
the same. The answers were recorded with ``--model manual``, and rewards of earlier searches stood for the designer's.
The exit code is 0 if all are the same, 1 if not. It takes some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDINGS = HERE / "data" / "kept_runs"
RESULTS = HERE / "results" / "same_results.tsv"


@dataclass(frozen=True)
class KeptRun:
    """One recorded search, and how it was typed."""

    name: str
    """Of its recording."""
    goal: str
    options: tuple[str, ...]


RUNS = (
    KeptRun(
        "half_cheetah_run_backward",
        "make the half-cheetah run backwards",
        ("--iterations", "2", "--samples", "4", "--steps", "40000"),
    ),
    KeptRun(
        "window_close",
        "close the window",
        ("--task", "window_close", "--iterations", "2", "--samples", "2", "--steps", "24000"),
    ),
    KeptRun(
        "place_table",
        "place a table",
        ("--task", "place_table", "--iterations", "2", "--samples", "2", "--steps", "60000"),
    ),
)


def play(run: KeptRun, checkout: Path, folder: Path) -> list[list[str]]:
    """The rows of the run's ``results.tsv``, the head among them."""
    recording = RECORDINGS / f"{run.name}.jsonl"
    command = [checkout / ".venv" / "bin" / "python", "-m", "reward_synth", "run", run.goal, *run.options]
    command += ["--model", f"replay:{recording}", "--keep-going", "--yes", "--jobs", "1", "--display", "none"]
    # It ends with 1 where no reward solves the task within so few steps.
    subprocess.run([*map(str, command), "--runs-dir", str(folder)], cwd=checkout, check=False, stdout=sys.stderr)
    with next(folder.glob("*/results.tsv")).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def differences(before: list[list[str]], after: list[list[str]]) -> list[str]:
    """What is not the same, cell by cell: ``001-b: 0.25 / 0.5``."""
    found = [] if len(before) == len(after) else [f"{len(before) - 1} candidates / {len(after) - 1}"]
    for row, other in zip(before, after, strict=False):
        found += [f"{row[0]}: {x} / {y}" for x, y in zip(row, other, strict=True) if x != y]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="the other checkout, with its .venv")
    parser.add_argument("--only", choices=[run.name for run in RUNS], help="one of the runs")
    arguments = parser.parse_args()
    rows = [("run", "candidates", "same", "differences")]
    for run in RUNS:
        if arguments.only in (None, run.name):
            with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
                one = play(run, arguments.before.resolve(), Path(before))
                other = play(run, HERE.parent, Path(after))
            found = [
                f"{a[0]}: {x} / {y}"
                for a, b in zip(one, other, strict=False)
                for x, y in zip(a, b, strict=False)
                if x != y
            ]
            if len(one) != len(other):
                found.append(f"{len(one) - 1} candidates / {len(other) - 1}")
            rows.append((run.name, str(len(one) - 1), "yes" if not found else "no", "; ".join(found)))
            print("\t".join(rows[-1]), flush=True)
    RESULTS.write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf-8")
    return 0 if all(row[2] == "yes" for row in rows[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())
