"""How long the command line takes to answer, beside an interpreter that does nothing.

    python benchmarks/startup.py [--runs 20]

Prints one tab-separated row per command: median and best wall time in seconds, and the median as a multiple of the bare
interpreter's, measured in turns in this same run.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime

COMMANDS: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "reward-synth --help": [sys.executable, "-m", "reward_synth", "--help"],
    "reward-synth run --help": [sys.executable, "-m", "reward_synth", "run", "--help"],
    "reward-synth ls": [sys.executable, "-m", "reward_synth", "ls"],
}


def seconds(command: list[str]) -> float:
    """Wall time of one call; its output is thrown away."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    for command in COMMANDS.values():
        seconds(command)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    # In turns, so that a busy moment of the machine hits all of them.
    for _ in range(runs):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    bare = statistics.median(times["python -c pass"])
    print("date", "command", "runs", "median_s", "best_s", "times_bare_python", sep="\t")
    for name, measured in times.items():
        median = statistics.median(measured)
        date = datetime.now(UTC).date().isoformat()
        print(date, name, runs, f"{median:.3f}", f"{min(measured):.3f}", f"{median / bare:.1f}", sep="\t")


if __name__ == "__main__":
    main()
