"""Kills and damages real small runs, and says what became of them.

    python benchmarks/faults.py [--kills 40] [--files all] [--quick] [--seed 0]

**Kills.** A run with recorded answers trains two rewards in two iterations. While it works, its processes are killed
(SIGKILL) at random times: the command itself, the worker host, worker, trainer, and the processes of rewards and
measures. A run that ended before its end is resumed. Expected: the candidates, results and best reward of a run that
nobody disturbed, the same number of answers paid for, and no process left after five seconds.

**Files.** Each file of a finished run is halved, then emptied, in a copy; then every command that reads a run is
called, ``resume`` included. Expected: each answers with its exit code and in words, never with "unexpected".

Prints a tab-separated row for each kind of fault: what was expected and what was seen. Exits with 1 if they differ.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recorded_model import RecordedModel

from reward_synth import Run
from reward_synth.cli.app import execute

KINDS = ("command", "host", "worker", "trainer", "reward or measure")
COMMANDS = ("show", "cost", "logs", "doctor", "diff", "export", "resume")
FIRST = """
def compute_reward(state, action, next_state):
    return {"upright": 1.0 - abs(next_state.pole_angle), "still": -0.01 * abs(next_state.cart_velocity)}
"""
SECOND = FIRST.replace("0.01", "0.02")
LONGEST = 240.0
"""Seconds for one command."""


class SteadyModel(RecordedModel):
    """Answers a request always in the same way, so that an answer that was lost on its way changes nothing."""

    def __init__(self) -> None:
        super().__init__({"designer": [""], "analyzer": ['{"causes": ["too short"], "suggestions": ["go on"]}']})
        self.asked: Counter[str] = Counter()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        found = super().answer(body)
        text = " ".join(str(message["content"]) for message in body["messages"])
        self.asked[text] += 1
        if str(body["model"]).endswith("designer"):
            found["choices"][0]["message"]["content"] = f"```python{SECOND if '001-a' in text else FIRST}```"
        return found


def descendants(pid: int) -> dict[int, str]:
    """Command lines of the processes below one, parents before their children."""
    found: dict[int, str] = {}
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                with contextlib.suppress(OSError):
                    found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found |= descendants(child)
    return found


def of_kind(command: int, kind: str) -> list[int]:
    """The command's processes of one kind."""
    if kind == "command":
        return [command]
    below = descendants(command)
    if kind == "reward or measure":
        return [pid for pid, line in below.items() if "sandbox/child.py" in line]
    depth = KINDS.index(kind)
    forked = [pid for pid, line in below.items() if "fork_server" in line]
    return forked[depth - 1 : depth]


def run_once(
    model: SteadyModel, folder: Path, victims: Sequence[str], rng: random.Random
) -> tuple[Run, list[str], list[int]]:
    """A run to its end, with these kinds of its processes killed in turn; the kinds that were, and processes left."""
    command = [
        "run", "balance the inverted pendulum", "--task=inverted_pendulum_balance", "--iterations=2", "--samples=1",
        "--steps=4000", "--keep-going", "--train-on=0", "--no-critic", "--jobs=1", "--videos=none", "--display=none",
        f"--runs-dir={folder}", *model.options,
    ]  # fmt: skip
    left, killed, seen = list(victims), [], set[int]()
    while True:
        process = subprocess.Popen(
            [sys.executable, "-m", "reward_synth", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        begun = time.monotonic()
        pause = begun + rng.uniform(0.0, 6.0)
        while process.poll() is None:
            seen |= descendants(process.pid).keys()
            if left and time.monotonic() > pause and (found := of_kind(process.pid, left[0])):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(found), signal.SIGKILL)
                    killed.append(left.pop(0))
                pause = time.monotonic() + rng.uniform(0.0, 6.0)
            if time.monotonic() - begun > LONGEST:
                raise TimeoutError(f"{folder} hangs")
            time.sleep(0.02)
        time.sleep(1.0)
        if not list(folder.glob("*/run.json")):
            continue  # It was killed before there was a run.
        run = Run.open("latest", folder)
        if run.info.status == "done":
            time.sleep(4.0)
            return run, killed, [pid for pid in seen if Path(f"/proc/{pid}").exists()]
        command = ["resume", str(run.path), "--display=none", *model.options[:1]]


def outcome(run: Run) -> dict[str, Any]:
    """All that must not depend on interruptions."""
    times = {"seconds", "cpu_seconds"}
    results = {c.id: [each.model_dump(exclude=times) for each in run.results(c.id)] for c in run.candidates}
    told = {
        path.name: path.read_text() for path in sorted((run.path / "iterations").glob("*.md"))
    }  # what the analyzer said
    return {"candidates": run.candidates, "results": results, "best": run.info.best, "readings": told}


def kills(count: int, rng: random.Random) -> Iterator[tuple[str, int, str, str]]:
    """Rows of the first table: fault, how often, expected, seen."""
    model = SteadyModel()
    with tempfile.TemporaryDirectory() as name:
        whole, _, _ = run_once(model, Path(name) / "whole", (), rng)
        paid, model.asked = sum(model.asked.values()), Counter()
        done: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        rounds = 0
        while sum(done.values()) < count:
            victims = rng.sample(KINDS, k=min(4, count - sum(done.values())))
            run, killed, orphans = run_once(model, Path(name) / str(rounds), victims, rng)
            same = outcome(run) == outcome(whole)
            # An answer that was under way when the command was killed is asked for again.
            again = sum(model.asked.values()) - paid - victims.count("command")
            faults = [
                text
                for text, wrong in (
                    ("other results", not same), ("paid twice", again > 0), ("orphans", bool(orphans)),
                )
                if wrong
            ]  # fmt: skip
            print(f"# round {rounds}: {killed} {faults or 'as undisturbed'}", file=sys.stderr, flush=True)
            if not same:
                shutil.copytree(run.path, Path(tempfile.gettempdir()) / f"faults-{rounds}", dirs_exist_ok=True)
            done.update(killed)
            seen.update(dict.fromkeys(killed, 0) if faults else Counter(killed))
            model.asked.clear()
            rounds += 1
        for kind in KINDS:
            if done[kind]:
                yield f"kill: {kind}", done[kind], f"{done[kind]} as undisturbed", f"{seen[kind]} as undisturbed"


def damages(which: int | None, rng: random.Random) -> Iterator[tuple[str, int, str, str]]:
    """Rows of the second table, one for each command."""
    model = SteadyModel()
    with tempfile.TemporaryDirectory() as name:
        whole, _, _ = run_once(model, Path(name) / "whole", (), rng)
        files = [path.relative_to(whole.path) for path in sorted(whole.path.rglob("*")) if path.is_file()]
        chosen = files if which is None else rng.sample(files, which)
        bad: Counter[str] = Counter()
        for number, path in enumerate(chosen):
            for size in (0.5, 0.0):
                copy = shutil.copytree(whole.path, Path(name) / f"{number}-{size}" / whole.path.name)
                content = (copy / path).read_bytes()
                (copy / path).write_bytes(content[: int(len(content) * size)])
                for command in COMMANDS:
                    said = answered([command, str(copy), *(["001-a", "002-a"] if command == "diff" else [])], model)
                    if "unexpected" in said:
                        bad[command] += 1
                        print(f"# {command} after {path} was cut to {size:.0%}: {said[:300]}", file=sys.stderr)
                shutil.rmtree(copy)
        for command in COMMANDS:
            count = 2 * len(chosen)
            yield f"damaged file: {command}", count, f"{count} in words", f"{count - bad[command]} in words"


def answered(arguments: list[str], model: SteadyModel) -> str:
    """What a command says on stderr, with its exit code."""
    options = ["--display=none", *model.options[:1]] if arguments[0] == "resume" else []
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = execute([*arguments, *options])
    return f"{said.getvalue()} (exit code {code})"


def main() -> int:
    """Print both tables; returns 1 if anything was seen that was not expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="processes to kill")
    parser.add_argument("--files", default="all", help="files to damage, chosen at random; or all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="3 kills, 4 files")
    arguments = parser.parse_args()
    count, files = (3, "4") if arguments.quick else (arguments.kills, arguments.files)
    rng = random.Random(arguments.seed)
    print("fault", "times", "expected", "seen", sep="\t")
    wrong = 0
    tables = [kills(count, rng)] if count else []
    tables += [damages(None if files == "all" else int(files), rng)] if files != "0" else []
    for row in (row for table in tables for row in table):
        print(*row, sep="\t", flush=True)
        wrong += row[2] != row[3]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
