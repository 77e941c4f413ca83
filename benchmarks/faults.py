"""Kills and damages small real runs, and says what became of them.

    python benchmarks/faults.py kills [--kills 200] [--executor local|ray] [--seed 0]
    python benchmarks/faults.py files [--files all]
    python benchmarks/faults.py machines|hosts|clocks
    python benchmarks/faults.py soak [--minutes 180] [--share 1.0] [--record soak.tsv]

**kills.** A run with recorded answers trains four rewards in two iterations. While it works, its processes of every
kind are killed (SIGKILL): at random times, and at the appearance of each file of the run folder, draft or whole. A
command that ended before the run's end is resumed. Expected: the candidates, results, best reward, readings and films
of a run that nobody disturbed; each answer paid, booked and recorded once; after each command no process that is left
after five seconds, and no file that cannot be read; and the planted keys nowhere.

**files**, **machines**, **hosts** and **clocks**, **soak**: see ``fault_files.py``, ``fault_machines.py``,
``fault_clock.py`` and ``fault_soak.py``.

Prints a tab-separated row for each kind of fault: what was expected and what was seen. Exits with 1 if they differ.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fault_clock import clocks, hosts
from fault_files import damages
from fault_machines import machines
from fault_runs import (
    KINDS,
    LONGEST,
    RUN,
    Row,
    SteadyModel,
    Watch,
    keep,
    keys_in,
    outcome,
    partial_files,
    start,
    unbooked,
    whole_run,
)  # fmt: skip
from fault_soak import soak

from reward_synth import Run

OF_LOCAL = KINDS[: KINDS.index("Ray broker")]
OF_RAY = tuple(kind for kind in KINDS if kind != "host")
LATEST_KILL = 7.0
"""Seconds after a command's start, or after the kill before, at which the next random kill comes at the latest."""
IN_TRAINING = ("train", "trajectories")
"""Folders in which a training's own processes write."""
MOST_COMMANDS = 30
"""For one run: each kill of the command needs another one."""
AT_ONCE = 0.002
"""Seconds between two looks for the file at whose appearance a process is killed."""


@dataclass
class Kill:
    """A kill that is to come."""

    kind: str
    at: str = ""
    """The file at whose appearance it comes, below the run folder; empty for a random time."""
    draft: bool = False
    """Whether it comes while the file is written, if that can be seen."""

    def __str__(self) -> str:
        return f"{self.kind} at {'a draft of ' * self.draft}{self.at}" if self.at else self.kind


@dataclass
class Round:
    """One run to its end, and what was done to it."""

    folder: Path
    model: SteadyModel
    rng: random.Random
    kills: list[Kill]
    options: Sequence[str]
    killed: list[Kill] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    ended: list[float] = field(default_factory=list)
    """When the command was killed."""

    def work(self) -> Run:
        """Run and resume until the run's end."""
        arguments = [*RUN, f"--runs-dir={self.folder}", *self.options, *self.model.options]
        for _ in range(MOST_COMMANDS):
            self._command(arguments)
            if not list(self.folder.glob("*/run.json")):
                continue  # It was killed before there was a run.
            run = Run.open("latest", self.folder)
            broken = partial_files(run.path)
            self.wrong |= {f"partial: {each}" for each in broken}
            if run.info.status == "done":
                return run
            arguments = ["resume", str(run.path), "--display=plain", *self.model.options[:1]]
        raise TimeoutError(f"{self.folder} does not end")

    def _command(self, arguments: list[str]) -> None:
        output = self.folder.with_suffix(".txt")
        process = start(arguments, self.folder, output)
        watch, begun = Watch(process), time.monotonic()
        pause = begun + self.rng.uniform(0.0, LATEST_KILL)
        try:
            while process.poll() is None:
                if time.monotonic() - begun > LONGEST:
                    self.wrong.add("hangs")
                    break
                if self._strikes(watch, time.monotonic() > pause):
                    pause = time.monotonic() + self.rng.uniform(0.0, LATEST_KILL)
                time.sleep(0.03)
        finally:
            process.kill()
            process.wait()
        self.wrong |= {f"orphan: {each.kind or each.name}" for each in watch.left()}
        said = output.read_text(errors="replace")
        self.wrong |= {f"said {word}" for word in ("Traceback", "unexpected") if word in said}

    def _strikes(self, watch: Watch, at_random: bool) -> bool:
        """Kill a process if it is time for one of the kills, and a process of that kind runs."""
        kills = [*self._appeared(), *(kill for kill in self.kills if at_random and not kill.at)]
        found = watch.look()
        for kill in kills:
            victims = [each for each in found if each.kind == kill.kind]
            if victims:
                self.rng.choice(victims).kill()
                self.ended += [time.monotonic()] * (kill.kind == "command")
                self.kills.remove(kill)
                self.killed.append(kill)
                return True
        return False

    def _appeared(self) -> list[Kill]:
        """The kills whose files are there, as soon as one is."""
        waiting = [kill for kill in self.kills if kill.at]
        deadline = time.monotonic() + 0.05
        while waiting and time.monotonic() < deadline:
            folders = list(self.folder.glob("20*"))
            if there := [kill for kill in waiting if any(_is_there(kill, folder) for folder in folders)]:
                return there
            time.sleep(AT_ONCE)
        return []


def _is_there(kill: Kill, folder: Path) -> bool:
    path = folder / kill.at
    if path.exists():
        return True
    return kill.draft and path.parent.is_dir() and any(path.parent.glob(f".{path.name}.*.draft"))


def planned(whole: Run, count: int, kinds: Sequence[str], rng: random.Random) -> Iterator[list[Kill]]:
    """Kills for each round: at each file in turn, in the order in which they appear, and at random times."""
    paths = [path for path in whole.path.rglob("*") if path.is_file() and path.stat().st_mtime > 0]
    at = sorted(paths, key=lambda path: path.stat().st_mtime_ns)
    files = [str(path.relative_to(whole.path)) for path in at]
    # The frozen prompts appear at once, and an answer's name differs with the server's address.
    files = [name for name in files if not re.match(r"prompts/.|calls/|lock|stop", name)]
    order = {name: number for number, name in enumerate(files)}
    rng.shuffle(files)
    mixed = [kind for _ in range(1 + count // len(kinds)) for kind in kinds]
    while True:
        kills = [Kill(mixed.pop(0) if mixed else rng.choice(kinds)) for _ in range(4)]
        at_files = sorted((files.pop() for _ in range(min(4, len(files)))), key=order.__getitem__)
        kills += [Kill(_writer(name, kinds, rng), name, rng.random() < 0.5) for name in at_files]
        yield kills


def _writer(name: str, kinds: Sequence[str], rng: random.Random) -> str:
    """A process that may be writing the file when it appears, or is waiting for it."""
    if any(part in IN_TRAINING for part in Path(name).parts) and rng.random() < 0.6:
        return rng.choice([kind for kind in kinds if kind in ("host", "worker", "trainer", "evaluator", "Ray worker")])
    return "command"


def kills(count: int, rng: random.Random, executor: str = "local", more: Sequence[str] = ()) -> Iterator[Row]:
    """Rows of the first table, one for each kind of process.

    :param more: options of the runs.
    """
    model, kinds = SteadyModel(slow=0.2), OF_LOCAL if executor == "local" else OF_RAY
    options = [f"--executor={executor}", *more]
    done: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        whole = whole_run(model, Path(name) / "whole", *more)
        expected, plans = outcome(whole), planned(whole, count, kinds, rng)
        # Ctrl-C ends the campaign, and what was seen so far is told.
        with contextlib.suppress(KeyboardInterrupt):
            while (left := count - sum(done.values())) > 0:
                number = len(list(Path(name).glob("[0-9]*.txt")))
                model.forget()
                jobs = f"--jobs={rng.choice((1, 2))}"
                plan = next(plans)
                plan = rng.sample(plan, min(left, len(plan)))
                one = Round(Path(name) / str(number), model, rng, plan, [jobs, *options])
                run = one.work()
                wrong = one.wrong | set(_differences(one, run, expected))
                done.update(kill.kind for kill in one.killed)
                seen.update(Counter(kill.kind for kill in one.killed if not wrong))
                said = "; ".join(sorted(wrong)) or "as undisturbed"
                print(f"# round {number}: {', '.join(map(str, one.killed))}: {said}", file=sys.stderr, flush=True)
                if wrong:
                    keep(one.folder, f"{executor}-{number}")
                shutil.rmtree(one.folder)
    for kind in kinds:
        if done[kind]:
            yield (
                f"kill, {executor}: {kind}",
                done[kind],
                f"{done[kind]} as undisturbed",
                f"{seen[kind]} as undisturbed",
            )


def _differences(one: Round, run: Run, expected: dict[str, object]) -> Iterator[str]:
    """What differs from a run that nobody disturbed."""
    yield from (f"other {part}" for part, value in outcome(run).items() if value != expected[part])
    if again := one.model.paid_twice(one.ended):
        yield f"{again} answers paid twice"
    if told := unbooked(run, one.model):
        yield told
    yield from keys_in(one.folder, one.folder.with_suffix(".txt").read_text(errors="replace"))


def tell(rows: Iterable[Row]) -> int:
    """Print the rows; returns 1 if anything was seen that was not expected."""
    print("fault", "times", "expected", "seen", sep="\t")
    wrong = 0
    for row in rows:
        print(*row, sep="\t", flush=True)
        wrong += row[2] != row[3]
    return int(bool(wrong))


def main() -> int:
    """Run one part of the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("kills", "files", "machines", "hosts", "clocks", "soak"))
    parser.add_argument("--kills", type=int, default=200, help="processes to kill")
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--files", default="all", help="files to damage in each run, chosen at random; or all")
    parser.add_argument("--minutes", type=float, default=180.0, help="of soaking; 0: judge the record")
    parser.add_argument("--share", type=float, default=1.0, help="of a processor that soaking may take")
    parser.add_argument("--record", type=Path, default=Path("soak.tsv"), help="of a soak, which is gone on with")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    which = None if arguments.files == "all" else int(arguments.files)
    parts = {
        "kills": lambda: kills(arguments.kills, rng, arguments.executor),
        "files": lambda: damages(which, rng),
        "machines": machines,
        "hosts": hosts,
        "clocks": clocks,
        "soak": lambda: soak(arguments.minutes, arguments.share, arguments.record),
    }
    return tell(parts[arguments.part]())


if __name__ == "__main__":
    sys.exit(main())
